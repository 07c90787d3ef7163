"""kill -9 between the two partitions that a line is kept in: its account's and its number's."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from ocs.client import (
    NO_RETRY,
    AlreadyExistsError,
    AsyncClient,
    Identity,
    NotFoundError,
    Operation,
    UnavailableError,
    UnknownOutcomeError,
)
from ocs.client.operations import account
from ocs.store import keys
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.upkeep import run_audit
from tests.campaigns.support.gate import Gate, GateLink
from tests.campaigns.support.proxies import Loss, LossyProxy
from tests.campaigns.support.service import ServiceProcess
from tests.support.live import TENANT, connect

TIMEOUT_S: Final = 30.0
WAIT_S: Final = 30.0
_numbers = count(1)

pytestmark = pytest.mark.xdist_group("services")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("killed")) as server:
        yield server


@dataclass(slots=True)
class Scene:
    """A service behind a gate, a fresh one to come, two accounts and one number."""

    store: EmbeddedValkey
    gate: Gate
    service: ServiceProcess
    fresh: ServiceProcess
    one: str
    other: str
    number: str

    @property
    def identity(self) -> Identity:
        return Identity.msisdn(self.number)

    def adding(self, account_id: str) -> Operation[Any]:
        return account.add_subscriber(account_id, "line", identities=[self.identity])

    async def killed_at(self, script: str, operation: Operation[Any]) -> None:
        """Send an operation; kill the service when it is about to run this script."""
        self.gate.script = script
        async with AsyncClient(self.service.address, timeout_s=TIMEOUT_S, retry=NO_RETRY) as client:
            sending = asyncio.create_task(client.send(operation))
            await asyncio.wait_for(self.gate.held.wait(), WAIT_S)
            await asyncio.to_thread(self.service.kill_service)
            with pytest.raises(UnknownOutcomeError):
                await sending

    async def restarted(self, stack: AsyncExitStack) -> AsyncClient:
        """A fresh process, straight at the store."""
        address = await asyncio.to_thread(self.fresh.start)
        return await stack.enter_async_context(AsyncClient(address, timeout_s=TIMEOUT_S))

    def entry(self) -> list[str]:
        """What the index says of the number: state, owner, deadline; empty if nothing."""
        with connect(self.store) as valkey:
            found: Any = valkey.get(keys.lookup_key(TENANT, "msisdn", self.number))
        return (found or b"").decode().split()

    def lapse(self) -> None:
        """Let the claim's time be over, as it would be in a minute."""
        state, owner, _ = self.entry()
        assert state == "pending"
        with connect(self.store) as valkey:
            valkey.set(keys.lookup_key(TENANT, "msisdn", self.number), f"{state} {owner} 1")

    async def lines(self, client: AsyncClient, account_id: str) -> tuple[str, ...]:
        return tuple((await client.get_account(account_id)).account.subscriber_ids)

    async def audited(self) -> None:
        """The books are right, whoever died."""
        report = await asyncio.to_thread(
            run_audit, store_url=self.store.url, data_dir=None, on_progress=None
        )
        assert report.difference_count == 0, report.differences


@pytest.fixture
async def scene(store: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Scene]:
    number, gate = next(_numbers), Gate()
    settings = {"OCS_DURABILITY": store.durability, "OCS_DRAIN_PROBE_S": "0"}
    proxy = LossyProxy(
        store.socket_path, Loss(0.0, random.Random(1), active=False), lambda _: GateLink(gate)
    )
    path = await proxy.listen(tmp_path / "gate.sock")
    for name in ("gated", "fresh"):
        (tmp_path / name).mkdir()
    service = ServiceProcess(tmp_path / "gated", f"unix://{path}", settings=settings)
    fresh = ServiceProcess(tmp_path / "fresh", store.url, settings=settings)
    made = Scene(
        store, gate, service, fresh, f"one-{number}", f"other-{number}", f"4915{number:08d}"
    )
    try:
        await asyncio.to_thread(service.start)
        async with AsyncClient(service.address, timeout_s=TIMEOUT_S) as client:
            for account_id in (made.one, made.other):
                await client.create_account(account_id, currency="EUR", plan="prepaid")
        yield made
    finally:
        for process in (service, fresh):
            await asyncio.to_thread(process.kill_service)
        await proxy.close()


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("add_subscriber", "pending"),  # the number is claimed, the account has no line
        ("settle_lookup", "pending"),  # the account has the line, the claim is not confirmed
    ],
)
async def test_a_resend_completes_a_line_that_was_being_added(
    scene: Scene, script: str, state: str
) -> None:
    operation = scene.adding(scene.one)
    await scene.killed_at(script, operation)
    assert scene.entry()[0] == state

    async with AsyncExitStack() as stack:
        client = await scene.restarted(stack)
        assert await scene.lines(client, scene.one) == (
            () if script == "add_subscriber" else ("line",)
        )
        added = await client.resend(operation)

        assert added.receipt.replayed is (script == "settle_lookup")
        assert scene.entry()[0] == "confirmed"
        assert await scene.lines(client, scene.one) == ("line",)
        found = await client.lookup_subscriber(scene.identity)
        assert (found.account_id, found.subscriber_id) == (scene.one, "line")
        await scene.audited()


async def test_a_claim_whose_account_never_got_the_line_is_taken_over(scene: Scene) -> None:
    operation = scene.adding(scene.one)
    await scene.killed_at("add_subscriber", operation)

    async with AsyncExitStack() as stack:
        client = await scene.restarted(stack)
        with pytest.raises(NotFoundError):
            await client.lookup_subscriber(scene.identity)
        # While the claim runs its owner may still come.
        with pytest.raises(UnavailableError) as busy:
            await client.send(scene.adding(scene.other))
        assert busy.value.reason == "ACCOUNT_BUSY"
        scene.lapse()

        await client.send(scene.adding(scene.other))

        found = await client.lookup_subscriber(scene.identity)
        assert found.account_id == scene.other
        with pytest.raises(AlreadyExistsError) as taken:
            await client.resend(operation)
        assert taken.value.reason == "IDENTITY_TAKEN"
        assert await scene.lines(client, scene.one) == ()
        await scene.audited()


async def test_a_claim_whose_account_got_the_line_is_not(scene: Scene) -> None:
    await scene.killed_at("settle_lookup", scene.adding(scene.one))
    scene.lapse()

    async with AsyncExitStack() as stack:
        client = await scene.restarted(stack)
        with pytest.raises(AlreadyExistsError) as taken:
            await client.send(scene.adding(scene.other))

        assert taken.value.reason == "IDENTITY_TAKEN"
        found = await client.lookup_subscriber(scene.identity)
        assert found.account_id == scene.one
        assert scene.entry()[0] == "confirmed"  # decided by whoever asked
        await scene.audited()


async def test_a_resend_frees_the_number_of_a_line_that_was_being_removed(scene: Scene) -> None:
    async with AsyncClient(scene.service.address, timeout_s=TIMEOUT_S) as client:
        await client.send(scene.adding(scene.one))
    operation = account.remove_subscriber(scene.one, "line")
    await scene.killed_at("settle_lookup", operation)
    assert scene.entry()[0] == "confirmed"

    async with AsyncExitStack() as stack:
        client = await scene.restarted(stack)
        with pytest.raises(NotFoundError):
            await client.lookup_subscriber(scene.identity)
        removed = await client.resend(operation)

        assert removed.receipt.replayed
        assert scene.entry() == []
        await client.send(scene.adding(scene.other))
        assert (await client.lookup_subscriber(scene.identity)).account_id == scene.other
        await scene.audited()
