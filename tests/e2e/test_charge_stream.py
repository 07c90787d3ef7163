"""Batches on a real service: order in the books, a restart in between, a credential that ends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from ocs.client import AsyncClient, Basis, CommitResult, GrantResult
from ocs.client.operations import charging
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.v1.charging_service_pb2_grpc import ChargingServiceStub
from tests.rpc.support import taken_apart
from tests.security.support import bearer, caller, credential, guarded, until, write
from tests.support.live import Live, serving

MONEY: Final = 10**9
SESSIONS: Final = 20
ROUNDS: Final = 12
USED: Final = Basis.USED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path / "store") as server:
        yield server


async def test_the_services_of_a_session_travel_together(store: EmbeddedValkey) -> None:
    """MSCC: one message of a gateway settles one service, asks for another, and goes on."""
    async with serving(store) as live:
        account = await live.open(micros=MONEY)
        first = live.reserve(account, 5, reservation_id="s-1")
        name = f"tenants/main/accounts/{account}/reservations/s-1"
        line = live.add_subscriber(account, "phone")
        number = live.new_msisdn()
        line.identities.add(msisdn=number)
        await live.call(line)

        answer = await live.call(
            live.batch(
                first,
                live.commit_next(name, 5, 7),
                live.reserve("", 3, identity={"msisdn": number}, service_id="voice"),
                live.commit(name, 2),
                live.debit(account, 1),
            )
        )

        reserved, committed, other, closed, debited = answer.answers
        assert reserved.reserve.grant.granted_units == 5
        assert committed.commit.grant.granted_units == 7
        assert other.reserve.grant.granted_units >= 3
        assert closed.commit.charge.charged_units == 2
        assert debited.debit.charge.charged_units == 1
        seqs = [
            getattr(one, one.WhichOneof("answer")).receipt.account_seq for one in answer.answers
        ]
        # Nothing came between, and each saw what the one before it had done.
        assert seqs == list(range(seqs[0], seqs[0] + 5))


async def test_a_restart_charges_nothing_twice_and_loses_nothing(store: EmbeddedValkey) -> None:
    async with serving(store) as live:
        accounts = [await live.open(messages=1000) for _ in range(SESSIONS)]
        port = int(live.address.rpartition(":")[2])
    restarting = asyncio.Event()

    async def drive(client: AsyncClient) -> list[Any]:
        results: list[Any] = []
        async with client.charge_stream() as stream:
            for number in range(ROUNDS):
                if number == ROUNDS // 3:
                    restarting.set()
                results += await stream.send(
                    [
                        charging.debit(account_id=each, service_id="sms", used_units=1, basis=USED)
                        for each in accounts
                    ],
                    timeout_s=30,
                )
        return results

    async with AsyncClient(f"127.0.0.1:{port}", timeout_s=30) as client:
        async with serving(store, listen=f"127.0.0.1:{port}", drain_probe_s=0.0):
            driving = asyncio.create_task(drive(client))
            await restarting.wait()
        async with serving(store, listen=f"127.0.0.1:{port}") as live:
            results = await driving
            failed = [each for each in results if isinstance(each, Exception)]
            assert failed == []
            assert len(results) == ROUNDS * SESSIONS
            for account in accounts:
                assert await live.bucket(account) == (1000 - ROUNDS, 0, ROUNDS)


async def test_a_session_over_the_stream_of_the_sdk(store: EmbeddedValkey) -> None:
    async with serving(store) as live:
        account = await live.open(messages=50)
        async with AsyncClient(live.address) as client, client.charge_stream() as stream:
            (grant,) = await stream.send(
                [charging.reserve(account_id=account, service_id="sms", requested_units=20)]
            )
            assert isinstance(grant, GrantResult)
            operation = charging.commit(grant.reservation, 5)
            (settled,) = await stream.send([operation])
            (again,) = await stream.send([operation], sent_before=True)

        assert isinstance(settled, CommitResult)
        assert not settled.receipt.replayed
        assert again.receipt.replayed
        assert again.charge == settled.charge
        assert await live.bucket(account) == (45, 0, 5)


async def test_a_credential_that_is_withdrawn_ends_the_stream(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    path, gateway, other = tmp_path / "credentials", credential("gateway"), credential("other")
    write(path, [gateway, other])
    async with (
        guarded(store, credentials_path=path) as server,
        caller(server, gateway) as owner,
    ):
        live: Live = server.live()
        await owner.call(live.create("streamed"))
        stub: Any = ChargingServiceStub(owner.channel)
        stream = stub.ChargeStream(metadata=bearer(gateway))
        await stream.write(live.batch(live.debit("streamed")))
        first = await stream.read()
        assert first.answers[0].debit.charge.uncollected_units == 1
        reloads = server.reloads().get(("credentials", True), 0)
        write(path, [other])
        await until(lambda: server.reloads().get(("credentials", True), 0) != reloads, "not read")

        await stream.write(live.batch(live.debit("streamed"), batch_id="late"))
        refused = await stream.read()

        assert refused.batch_id == ""  # who may not send is not read
        assert refused.status.code == grpc.StatusCode.UNAUTHENTICATED.value[0]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
        assert taken_apart(caught.value).reason == "CREDENTIAL_UNKNOWN"
