"""Lines that come, move and go, while processes die between the two partitions they are kept in."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any, Final

import pytest

from ocs.app import now_ms
from ocs.book.file import tariff_of_file
from ocs.domain.answer import Reason
from ocs.domain.state import AccountTerms
from ocs.ports import Claim, StoreUnavailableError
from ocs.rpc.event_context import encode_context
from ocs.service.accounts import Accounts
from ocs.service.books import Books
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError
from ocs.service.lines import Lines
from ocs.service.mutations import Mutations
from ocs.service.requests import (
    AddSubscriberAsked,
    Asked,
    CreateAccountAsked,
    RemoveSubscriberAsked,
)
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from ocs.store.lookups import ValkeyLookups
from ocs.store.reader import ValkeyReader
from ocs.store.replies import text_of
from ocs.v1 import types_pb2
from tests.support.live import Live, serving
from tests.support.no_archive import NO_ARCHIVE

TERMS: Final = AccountTerms("EUR", "UTC", 1, "prepaid", "none", 0)
_numbers = count(1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("lines")) as server:
        yield server


class DyingLookups(ValkeyLookups):
    """The index as a process sees it that dies once the account has answered."""

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

    async def release(
        self, tenant: str, kind: str, value: str, claim: Claim, *, deadline_ms: int
    ) -> None:
        del tenant, kind, value, claim, deadline_ms
        raise StoreUnavailableError


class Office:
    """Adds and removes lines of two accounts, all with one number of their own."""

    def __init__(self, ledger: ValkeyLedger) -> None:
        self.ledger = ledger
        number = next(_numbers)
        self.one, self.other = f"one-{number}", f"other-{number}"
        self.identity = ("msisdn", f"4915{number:08d}")
        self.lookups = ValkeyLookups(ledger)
        self.living, self.lines = self._over(self.lookups)
        self.dying, self.dying_lines = self._over(DyingLookups(ledger))

    def _over(self, lookups: ValkeyLookups) -> tuple[Accounts, Lines]:
        mutations, directory = Mutations(self.ledger, encode_context), Directory(lookups)
        events = ValkeyEventLog(self.ledger, NO_ARCHIVE)
        accounts = Accounts(
            self.ledger, directory, events, Books.fixed(tariff_of_file(None)), mutations
        )
        return accounts, Lines(self.ledger, ValkeyReader(self.ledger), directory, mutations)

    async def open(self) -> None:
        for account_id in (self.one, self.other):
            await self.living.create_account(CreateAccountAsked(asked(), account_id, TERMS))

    def adding(self, account_id: str, line: str = "s1") -> AddSubscriberAsked:
        return AddSubscriberAsked(asked(), account_id, line, (self.identity,), ())

    def removing(self, account_id: str, line: str = "s1") -> RemoveSubscriberAsked:
        return RemoveSubscriberAsked(asked(), account_id, line)

    async def entry(self) -> str:
        """What the index says of the number; empty if nothing."""
        pipeline = self.ledger.pipeline_of("main", self.identity[1])
        return text_of(await pipeline.send("GET", keys.lookup_key("main", *self.identity)))

    async def write(self, entry: str) -> None:
        pipeline = self.ledger.pipeline_of("main", self.identity[1])
        await pipeline.send("SET", keys.lookup_key("main", *self.identity), entry)

    async def found(self) -> tuple[str, str] | None:
        """Whose number it is."""
        try:
            return await self.living.lookup_subscriber("main", self.identity)
        except ServiceError as error:
            if error.reason is not Reason.SUBSCRIBER_NOT_FOUND:
                raise
            return None

    async def lines_of(self, account_id: str) -> set[str]:
        state, _ = await self.living.get_account("main", account_id)
        return set(state.subscribers)


def asked() -> Asked:
    return Asked("main", "test", now_ms() + 60_000, f"q{next(_numbers)}", now_ms())


@pytest.fixture
async def office(store: EmbeddedValkey) -> AsyncIterator[Office]:
    ledger = ValkeyLedger(make_pool(store.url, 4), connections=4, now_ms=now_ms)
    assert await ledger.load(ledger.pipelines[0]) is None
    made = Office(ledger)
    await made.open()
    yield made
    await ledger.close()


async def test_an_addition_that_was_not_confirmed_is_completed_by_its_resend(
    office: Office,
) -> None:
    ask = office.adding(office.one)
    await office.dying.add_subscriber(ask)

    assert (await office.entry()).startswith("pending ")
    assert await office.found() == (office.one, "s1")
    assert (await office.living.add_subscriber(ask)).replayed
    assert (await office.entry()).startswith(f"confirmed {office.one}/s1/")


async def test_a_claim_that_nobody_followed_up_is_taken_over_after_its_deadline(
    office: Office,
) -> None:
    """The first died before its account heard of the line."""
    first = office.adding(office.one)
    owner = (office.one, "s1", first.asked.request_id)
    claim = await office.lookups.claim("main", *office.identity, owner, deadline_ms=now_ms() + 999)

    with pytest.raises(ServiceError, match="ACCOUNT_BUSY"):
        await office.living.add_subscriber(office.adding(office.other))
    await office.write(f"pending {'/'.join(owner)} {claim.deadline_ms - 61_000}")
    await office.living.add_subscriber(office.adding(office.other))
    with pytest.raises(ServiceError, match="IDENTITY_TAKEN"):
        await office.living.add_subscriber(first)

    assert await office.found() == (office.other, "s1")
    assert await office.lines_of(office.one) == set()


async def test_an_addition_that_was_not_confirmed_is_not_taken_over(office: Office) -> None:
    """Its account has the line: so says the account when it is asked."""
    ask = office.adding(office.one)
    await office.dying.add_subscriber(ask)
    owner = (office.one, "s1", ask.asked.request_id)
    await office.write(f"pending {'/'.join(owner)} 1")

    with pytest.raises(ServiceError, match="IDENTITY_TAKEN"):
        await office.living.add_subscriber(office.adding(office.other))
    assert await office.entry() == f"confirmed {'/'.join(owner)} 0"


async def test_a_removal_that_died_in_between_is_completed_by_its_resend(office: Office) -> None:
    await office.living.add_subscriber(office.adding(office.one))
    ask = office.removing(office.one)

    with pytest.raises(ServiceError, match="STORE_UNAVAILABLE"):
        await office.dying_lines.remove(ask)
    assert await office.lines_of(office.one) == set()
    assert (await office.entry()).startswith("confirmed ")
    assert await office.found() is None
    assert (await office.lines.remove(ask)).replayed
    assert await office.entry() == ""


async def test_a_removal_that_died_in_between_keeps_the_number_from_nobody(
    office: Office,
) -> None:
    await office.living.add_subscriber(office.adding(office.one))
    ask = office.removing(office.one)
    with pytest.raises(ServiceError, match="STORE_UNAVAILABLE"):
        await office.dying_lines.remove(ask)

    await office.living.add_subscriber(office.adding(office.other))
    resent = await office.lines.remove(ask)

    assert resent.replayed
    assert await office.found() == (office.other, "s1")


async def test_a_resend_of_a_removal_leaves_the_line_that_came_back(office: Office) -> None:
    await office.living.add_subscriber(office.adding(office.one))
    ask = office.removing(office.one)
    await office.lines.remove(ask)
    again = office.adding(office.one)
    await office.living.add_subscriber(again)

    assert (await office.lines.remove(ask)).replayed

    assert await office.found() == (office.one, "s1")
    assert (await office.entry()).split(" ")[1].endswith(again.asked.request_id)


async def test_a_resend_of_an_addition_does_not_bring_a_removed_number_back(
    office: Office,
) -> None:
    ask = office.adding(office.one)
    await office.living.add_subscriber(ask)
    await office.lines.remove(office.removing(office.one))

    assert (await office.living.add_subscriber(ask)).replayed

    assert await office.entry() == ""
    await office.living.add_subscriber(office.adding(office.other, "s2"))
    assert await office.found() == (office.other, "s2")


async def test_another_process_charges_the_line_that_has_the_number_now(
    store: EmbeddedValkey,
) -> None:
    """Though it remembers another: also one that is there again, without the number."""
    async with serving(store) as first, serving(store) as second:
        await _move_number(first, second, comes_back=False)
        await _move_number(first, second, comes_back=True)


async def _move_number(first: Live, second: Live, *, comes_back: bool) -> None:
    was, now = await first.open(messages=50), await first.open(messages=50)
    identity = types_pb2.SubscriberIdentity(msisdn=f"4916{next(_numbers):08d}")
    await first.call(first.add_subscriber(was, "phone", identities=[identity]))
    await _charge(second, identity)
    await first.call(first.remove_subscriber(was, "phone"))
    if comes_back:
        await first.call(first.add_subscriber(was, "phone"))
    nobody = await second.refused(_debit(second, identity))
    await first.call(first.add_subscriber(now, "phone", identities=[identity]))

    await _charge(second, identity)

    assert nobody.reason == "SUBSCRIBER_NOT_FOUND"
    assert (await first.bucket(was))[0] == (await first.bucket(now))[0] == 49


def _debit(live: Live, identity: types_pb2.SubscriberIdentity) -> Any:
    request = live.debit("nobody", 1)
    request.request_id = f"by-number-{next(_numbers)}"
    request.ClearField("account_id")
    request.identity.CopyFrom(identity)
    return request


async def _charge(live: Live, identity: types_pb2.SubscriberIdentity) -> None:
    answer = await live.call(_debit(live, identity))
    assert answer.charge.charged_units == 1
