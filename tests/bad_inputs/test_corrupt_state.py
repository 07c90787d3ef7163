"""Row 84: what is stored does not parse. Nothing is guessed, nothing is written, an operator looks.

The account, its bucket, cap, hold and session are really there first; then one text is spoilt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from google.protobuf import duration_pb2

from ocs.store import keys
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import types_pb2
from tests.support.live import TENANT, Live

LINE: Final = "line"
SESSION: Final = "x"


@dataclass(frozen=True, slots=True)
class Case:
    """An account with something of everything in it, and the keys it is in."""

    live: Live
    account_id: str
    reservation: str
    answered: Any

    def key(self, name: str) -> str:
        """The key of a part of the account."""
        at = (TENANT, self.account_id)
        reservation_id = self.reservation.rsplit("/", 1)[-1]
        return {
            "account": keys.account_key(*at),
            "profile": keys.profile_key(*at),
            "holds": keys.holds_key(*at),
            "line": keys.subscriber_key(*at, LINE),
            "reservation": keys.reservation_key(*at, reservation_id),
            "session": keys.session_key(*at, SESSION, "sms"),
            "request": keys.request_key(*at, self.answered.request_id),
            "journal": keys.journal_key(keys.partition_of(*at)),
            "due": keys.due_key(keys.partition_of(*at)),
        }[name]

    # What may be asked of it.

    def reserve(self) -> Any:
        return self.live.reserve(self.account_id, 2, session_id=SESSION, subscriber_id=LINE)

    def debit(self) -> Any:
        return self.live.debit(self.account_id, 2, session_id=SESSION, subscriber_id=LINE)

    def authorize(self) -> Any:
        return self.live.debit(self.account_id, 2, authorize=True, subscriber_id=LINE)

    def commit(self) -> Any:
        return self.live.commit(self.reservation, 1)

    def commit_next(self) -> Any:
        return self.live.commit_next(self.reservation, 1, 1)

    def release(self) -> Any:
        return self.live.release(self.reservation)

    def top_up(self) -> Any:
        spec = accounts.BucketSpec(bucket_id="messages")
        return self.live.top_up(self.account_id, units=1, unit=4, bucket=spec)

    def mismatch(self) -> Any:
        """Be refused, which is recorded and counted."""
        return self.live.reserve(self.account_id, 2, unit=types_pb2.UNIT_TYPE_OCTETS)

    def hold_short(self) -> Any:
        """Hold for less long than anything that is held: the account's earliest deadline moves."""
        validity = duration_pb2.Duration(seconds=1)
        return self.live.reserve(self.account_id, 1, validity_duration=validity)

    def resend(self) -> Any:
        return self.answered

    def get(self) -> Any:
        return accounts.GetAccountRequest(account_id=self.account_id)


@pytest.fixture
async def case(live: Live) -> Case:
    account = await live.open(messages=100, micros=100)
    await live.call(live.add_subscriber(account, LINE))
    await live.call(live.set_cap(account, limit_units={"unit": 4, "units": 90}))
    holder = types_pb2.CapHolder(subscriber_id=LINE)
    await live.call(live.set_cap(account, limit_units={"unit": 4, "units": 80}, holder=holder))
    answered = live.debit(account, 3, session_id=SESSION, subscriber_id=LINE)
    await live.call(answered)
    reservation = await live.hold(account, 5, session_id=SESSION, subscriber_id=LINE)
    case = Case(live, account, reservation, answered)
    await live.refused(case.mismatch())
    return case


def field(key: str, name: str, value: str | None) -> Callable[[Case], None]:
    """Spoil, or without a value remove, a field of a hash."""

    def spoil(case: Case) -> None:
        store = case.live.store
        assert store.hexists(case.key(key), name), f"no field {name} to spoil"
        if value is None:
            store.hdel(case.key(key), name)
        else:
            store.hset(case.key(key), name, value)

    return spoil


def hold(value: str) -> Callable[[Case], None]:
    """Spoil what the reservation holds."""

    def spoil(case: Case) -> None:
        (name,) = case.live.store.hkeys(case.key("holds"))
        case.live.store.hset(case.key("holds"), name, value)

    return spoil


def whole(key: str, value: str) -> Callable[[Case], None]:
    """Spoil a text that is a key of its own."""

    def spoil(case: Case) -> None:
        assert case.live.store.type(case.key(key)) == b"string"
        case.live.store.set(case.key(key), value)

    return spoil


def retyped(key: str) -> Callable[[Case], None]:
    """Put a key of another type in the place of one."""

    def spoil(case: Case) -> None:
        store, name = case.live.store, case.key(key)
        kind = store.type(name)
        assert kind != b"none", f"no key {key} to spoil"
        store.delete(name)
        if kind == b"string":
            store.hset(name, "1", "1")
        else:
            store.set(name, "1")

    return spoil


CHARGES: Final = ["reserve", "debit", "authorize", "commit", "commit_next"]
CHANGES: Final = [*CHARGES, "release", "top_up"]
ALL: Final = [*CHANGES, "get"]
FIGURES: Final = [*CHARGES, "top_up", "get"]

SPOILT: Final[dict[str, tuple[Callable[[Case], None], list[str]]]] = {
    "balance as a float": (field("account", "b:messages", "1e+15 5 3 100 0 0"), FIGURES),
    "balance with a fraction": (field("account", "b:messages", "97.0 5 3 100 0 0"), FIGURES),
    "balance that is no number": (field("account", "b:messages", "nan 5 3 100 0 0"), FIGURES),
    "balance in hexadecimal": (field("account", "b:messages", "0x61 5 3 100 0 0"), FIGURES),
    "balance beyond what is exact": (
        field("account", "b:messages", "9007199254740993 5 3 100 0 0"),
        [*CHARGES, "top_up"],
    ),
    "totals that are no numbers": (
        field("account", "b:messages", "97 5 3 1e+15 0 0"),
        ["top_up", "get"],
    ),
    "too few figures": (field("account", "b:messages", "97 5 3"), ["top_up", "get"]),
    "no figures": (field("account", "b:messages", None), FIGURES),
    "no terms": (field("account", "t:messages", None), [*CHARGES, "get"]),
    "other terms": (field("account", "t:messages", "count soon 0 0 0 - -"), FIGURES),
    "no order of buckets": (field("account", "order", None), ALL),
    "an order without main": (field("account", "order", "messages"), CHANGES),
    "state of another format": (field("account", "state", "2 1 1 1 0 0 0 -"), ALL),
    "no state": (field("account", "state", None), ALL),
    "cap counter": (field("account", "c:cap", "today 3 5"), [*CHARGES, "release", "get"]),
    "line's cap counter": (field("line", "c:cap", "today 3"), [*CHARGES, "get"]),
    "hold": (hold("soon 5 messages:5 -"), ["commit", "commit_next", "release", "get"]),
    "reservation": (whole("reservation", "open"), ["commit", "commit_next", "release"]),
    "count of refusals": (field("account", "refusals", "many 3"), ["mismatch", "get"]),
    "session": (whole("session", "later 3 3 0"), ["reserve", "debit", "commit"]),
    "record": (whole("request", "for ever"), ["resend"]),
    "account of another type": (retyped("account"), ALL),
    "line of another type": (retyped("line"), [*CHARGES, "get"]),
    "journal of another type": (retyped("journal"), CHANGES),
    "holds of another type": (retyped("holds"), ["reserve", "commit", "commit_next", "release"]),
    "deadlines of another type": (retyped("due"), ["hold_short"]),
    "record of another type": (retyped("request"), ["resend"]),
    "reservation of another type": (retyped("reservation"), ["commit", "commit_next", "release"]),
    "session of another type": (retyped("session"), ["reserve", "debit", "commit"]),
}


@pytest.mark.parametrize("name", SPOILT)
async def test_row_84_what_does_not_parse_is_left_as_it_is(case: Case, name: str) -> None:
    spoil, operations = SPOILT[name]
    spoil(case)

    for operation in operations:
        request = getattr(case, operation)()
        with case.live.unchanged():
            refusal = await case.live.refused(request)
        assert (refusal.code.name, refusal.reason) == ("INTERNAL", "STATE_CORRUPT"), operation


async def test_row_84_the_account_goes_on_once_it_is_mended(case: Case) -> None:
    store, key = case.live.store, case.key("account")
    good = store.hget(key, "b:messages")
    assert good is not None
    store.hset(key, "b:messages", "1e+15 0 0 0 0 0")
    request = case.debit()
    await case.live.refused(request)
    store.hset(key, "b:messages", good)

    answer = await case.live.call(request)

    # The request_id was not consumed by the failure.
    assert not answer.receipt.replayed
    assert await case.live.bucket(case.account_id) == (95, 5, 5)


async def test_row_84_another_account_does_not_notice(case: Case) -> None:
    field("account", "b:messages", "1e+15 5 3 100 0 0")(case)
    other = await case.live.open(messages=10)

    await case.live.call(case.live.debit(other, 4))

    assert await case.live.bucket(other) == (6, 0, 4)


async def test_row_84_an_index_entry_that_does_not_parse(live: Live) -> None:
    account = await live.open()
    request = live.top_up(account, micros=5)
    key = keys.lookup_key(TENANT, "payment", request.payment_reference)
    live.store.set(key, "confirmed")

    with live.unchanged():
        refusal = await live.refused(request)

    assert (refusal.code.name, refusal.reason) == ("INTERNAL", "STATE_CORRUPT")
    assert await live.bucket(account, "main") == (0, 0, 0)
