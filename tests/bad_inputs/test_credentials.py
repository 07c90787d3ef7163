"""Rows 85 and 86: callers that are nobody, and callers that are somebody else's."""

from pathlib import Path

import grpc

from ocs.store.embedded import EmbeddedValkey
from tests.security.support import PAST, caller, credential, guarded, write

PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


async def test_row_85_no_bad_or_expired_token(store: EmbeddedValkey, tmp_path: Path) -> None:
    known, expired = credential("gw"), credential("gw", expires=PAST)
    write(tmp_path / "credentials", [known, expired])
    async with (
        guarded(store, credentials_path=tmp_path / "credentials") as server,
        caller(server, known) as owner,
        caller(server) as nobody,
        caller(server, credential("gw")) as stranger,
        caller(server, expired) as late,
    ):
        live = server.live()
        account_id = live.new_id("token")
        await owner.call(live.create(account_id))
        await owner.call(live.top_up(account_id, micros=1_000_000, payment_reference=account_id))
        debit = live.debit(account_id)
        with live.unchanged():
            for request in (live.reserve(account_id), debit, live.create(live.new_id("b"))):
                for who, reason in (
                    (nobody, "CREDENTIAL_MISSING"),
                    (stranger, "CREDENTIAL_UNKNOWN"),
                    (late, "CREDENTIAL_EXPIRED"),
                ):
                    refused = await who.refused(request)
                    assert (refused.code, refused.reason) == (UNAUTHENTICATED, reason)
        # The request_id was not consumed.
        assert not (await owner.call(debit)).receipt.replayed


async def test_row_86_a_role_that_does_not_open_the_method(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    reader, gateway = credential("reader", "reader"), credential("gw", "gateway")
    owner_known = credential("owner")
    write(tmp_path / "credentials", [reader, gateway, owner_known])
    async with (
        guarded(store, credentials_path=tmp_path / "credentials") as server,
        caller(server, owner_known) as owner,
    ):
        live = server.live()
        account_id = live.new_id("role")
        await owner.call(live.create(account_id))
        await owner.call(live.top_up(account_id, micros=1_000_000, payment_reference=account_id))
        held = await owner.call(live.reserve(account_id))
        with live.unchanged():
            for known, request in (
                (reader, live.commit(held.reservation, 1)),
                (gateway, live.create(live.new_id("role"))),
                (gateway, live.set_cap(account_id, limit_micros=1)),
            ):
                async with caller(server, known) as who:
                    refused = await who.refused(request)
                assert (refused.code, refused.reason) == (PERMISSION_DENIED, "ROLE_MISSING")
