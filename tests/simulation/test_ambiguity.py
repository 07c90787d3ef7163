"""What is said, and done, when an earlier attempt may have run."""

import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ocs.app import now_ms
from ocs.book.file import tariff_of_file
from ocs.client import AsyncClient
from ocs.client.errors import NotFoundError, UnknownOutcomeError
from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.commands import CreateAccount
from ocs.domain.state import AccountTerms
from ocs.domain.units import Unit
from ocs.ports import Claim, StoreUnavailableError
from ocs.rpc.event_context import encode_context
from ocs.service.accounts import Accounts
from ocs.service.books import Books
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError
from ocs.service.mutations import Mutations
from ocs.service.requests import Asked, CreateAccountAsked, TopUpAsked
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from ocs.store.lookups import ValkeyLookups
from tests.campaigns.support.proxies import GrpcLink, Loss, LossyProxy, StoreLink
from tests.support.live import serving
from tests.support.no_archive import NO_ARCHIVE

TERMS = AccountTerms("EUR", "UTC", 1, "prepaid", "none", 0)
BEHIND_MS = 3_000
DEADLINE_MS = 1_500
STALL_S = 1.8  # the deadline is over by then


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("ambiguity")) as server:
        yield server


@pytest.fixture
async def ledger(store: EmbeddedValkey) -> AsyncIterator[ValkeyLedger]:
    made = ValkeyLedger(make_pool(store.url, 4), connections=4, now_ms=now_ms)
    assert await made.load(made.pipelines[0]) is None
    yield made
    await made.close()


async def test_a_deadline_passed_after_a_lost_reply_leaves_the_outcome_open(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    # The first script's reply is lost, and the connection is cut only when the deadline is over;
    # the service's clock is behind, so it tries again, and the store refuses before it looks at
    # the record.
    proxy = LossyProxy(store.socket_path, Loss(0.0, random.Random(1)), StoreLink, STALL_S)
    path = await proxy.listen(tmp_path / "proxy.sock")
    ledger = ValkeyLedger(
        make_pool(f"unix://{path}", 4), connections=4, now_ms=lambda: now_ms() - BEHIND_MS
    )
    assert await ledger.load(ledger.pipelines[0]) is None
    try:
        started = time.monotonic()
        told = await ledger.execute(create_account(now_ms() + DEADLINE_MS))
        assert time.monotonic() - started >= STALL_S
        again = await ledger.execute(create_account(now_ms() + 5_000))
    finally:
        await ledger.close()
        await proxy.close()

    assert proxy.loss.lost_count == 1
    assert told.reason is Reason.STORE_UNAVAILABLE
    assert (again.outcome, again.replayed) == (Outcome.DONE, True)


def create_account(deadline_ms: int) -> CreateAccount:
    return CreateAccount(
        tenant="main",
        account_id="deadline",
        request_id="deadline",
        fingerprint="1",
        request_time_ms=now_ms() // 100_000 * 100_000,
        window_ms=3_600_000,
        deadline_ms=deadline_ms,
        terms=TERMS,
    )


class DyingLookups(ValkeyLookups):
    """The index as a process sees it that dies before it can confirm or drop a claim."""

    async def settle(
        self,
        tenant: str,
        kind: str,
        value: str,
        claim: Claim,
        *,
        confirmed: bool,
        deadline_ms: int,
    ) -> None:
        del tenant, kind, value, claim, confirmed, deadline_ms
        raise StoreUnavailableError


def accounts_over(ledger: ValkeyLedger, lookups: ValkeyLookups) -> Accounts:
    mutations = Mutations(ledger, encode_context)
    return Accounts(
        ledger,
        Directory(lookups),
        ValkeyEventLog(ledger, NO_ARCHIVE),
        Books.fixed(tariff_of_file(None)),
        mutations,
    )


def asked(request_id: str, deadline_ms: int = 0) -> Asked:
    return Asked("main", "test", deadline_ms or now_ms() + 5_000, request_id, 1 + now_ms())


async def test_a_payment_is_credited_once_though_its_resend_came_too_late(
    ledger: ValkeyLedger,
) -> None:
    dying = accounts_over(ledger, DyingLookups(ledger))
    living = accounts_over(ledger, ValkeyLookups(ledger))
    for account_id in ("paid", "other"):
        ask = CreateAccountAsked(asked(f"open-{account_id}"), account_id, TERMS)
        await living.create_account(ask)
    first = asked("credit")
    await dying.top_up(credit("paid", first))

    late = Asked("main", "test", 1, "credit", first.request_time_ms)
    with pytest.raises(ServiceError, match="DEADLINE_PASSED"):
        await living.top_up(credit("paid", late))
    with pytest.raises(ServiceError, match="ACCOUNT_BUSY"):
        await living.top_up(credit("other", asked("credit-other")))
    resent: Answer = await living.top_up(credit("paid", first))
    with pytest.raises(ServiceError, match="PAYMENT_REFERENCE_USED"):
        await living.top_up(credit("other", asked("credit-other")))

    assert (resent.replayed, resent.bucket_balance) == (True, 7)
    state, _ = await living.get_account("main", "other")
    assert state.buckets["main"].balance == 0


def credit(account_id: str, by: Asked) -> TopUpAsked:
    return TopUpAsked(by, account_id, "payment-1", Unit.MICROS, 7, "EUR", "main", None)


async def test_another_process_gives_the_same_answer_to_a_resend(store: EmbeddedValkey) -> None:
    async with serving(store) as first, serving(store) as second:
        account_id = await first.open(micros=1_000_000)
        reservation = await first.hold(account_id, 3)
        request = first.commit_next(reservation, 1, 2)
        told = await first.call(request)
        resent = await second.call(request)

    assert resent.receipt.replayed
    resent.receipt.replayed = False
    assert resent == told
    assert told.grant.granted_units == 2


async def test_a_refusal_after_a_lost_reply_settles_the_outcome(store: EmbeddedValkey) -> None:
    async with serving(store) as live:
        await live.call(live.create("settled", request_id="open-settled"))
        proxy = LossyProxy(live.address, Loss(0.0, random.Random(1)), GrpcLink)
        async with AsyncClient(await proxy.listen()) as client:
            name = client.reservation_name("settled", "nobody-made-it")
            with pytest.raises(NotFoundError, match="RESERVATION_NOT_FOUND") as told:
                await client.release(name)
        await proxy.close()

    assert proxy.loss.lost_count == 1
    assert not isinstance(told.value, UnknownOutcomeError)
