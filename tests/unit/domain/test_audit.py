"""The audit's fold: honest journals are proved, and any altered figure is caught."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocs.domain.audit import AccountFold, compare, compare_copies
from ocs.domain.charging_event import ChargingEvent, EventKind, decode_event
from ocs.domain.periods import Period
from ocs.domain.state import AccountState
from ocs.domain.units import Unit
from tests.support.audit_traffic import SpecificationMachine, Traffic
from tests.support.stages import memory_stage

SEEDS = 12
Journal = tuple[ChargingEvent, ...]


@lru_cache(maxsize=SEEDS)
def traffic(seed: int) -> list[tuple[Journal, AccountState]]:
    """Each account's journal after random operations, with its state."""
    machine = SpecificationMachine()
    operations = Traffic(machine, seed)
    operations.run(300)
    operations.trade(40)
    operations.hold_open()
    journals: dict[tuple[str, str], list[ChargingEvent]] = {}
    for event in machine.pair.spec.journal:
        journal = journals.setdefault((event.tenant, event.account_id), [])
        event.prev = position(len(journal)) if journal else ""
        journal.append(event)
    return [(tuple(journals[at]), state) for at, state in machine.pair.spec.accounts.items()]


def position(seq: int) -> str:
    return f"{seq}-0"


def folded(journal: Journal) -> AccountFold:
    fold = AccountFold(journal[0].tenant, journal[0].account_id)
    for at, event in enumerate(journal, start=1):
        fold.apply(position(at), event)
    return fold


def differences(journal: Journal, state: AccountState) -> list[str]:
    fold = folded(journal)
    compare(fold.account, state)
    return [found.term for found in fold.findings.kept]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_honest_journals_are_proved(seed: int) -> None:
    for journal, state in traffic(seed):
        assert differences(journal, state) == []
        assert len(journal) > 50


async def test_use_of_a_line_counts_in_the_hour_that_held_it_whenever_the_next_grant_is() -> None:
    """What a line holds moves no counter of it: the counter stays in the hour that has passed."""
    stage = memory_stage()
    hour = 3_600_000
    await stage.open()
    await stage.credit(1_000)
    await stage.subscriber("s1")
    await stage.cap(500, holder="subscriber/s1", period=Period.HOUR)
    stage.clock.now_ms += hour - stage.clock.now_ms % hour - 1_000
    granted = await stage.reserve(10, subscriber_id="s1")
    stage.clock.now_ms += 2_000

    await stage.commit(granted.reservation_id, 5, next_units=10)

    journal = [logged.event for logged in await stage.read_journal()]
    for at, event in enumerate(journal):
        event.prev = position(at) if at else ""
    assert journal[-1].counters[0].period_start_ms < journal[-1].cap_lines[0].period_start_ms
    assert differences(tuple(journal), await stage.state()) == []


# Figures that nothing else in the journal repeats are left out: what a refusal asked for, the
# price of what nobody paid, the time, a deadline that has passed, and what a line's or group's
# unit cap held for a reservation that ended unused. Everything that moves money or units is in.
def figures(event: ChargingEvent, state: AccountState) -> Iterator[tuple[str, int, str]]:
    """Name the figures of an event as (list or part, index in it, figure)."""
    yield "seq", 0, ""
    lists = {
        "buckets": ("balance_before", "reserved_before", "balance_after", "reserved_after"),
        "payments": ("units", "micros"),
        "counters": ("spent_after", "reserved_after"),
        "hold_lines": ("1",),
        "position": ("",),
    }
    for part, names in lists.items():
        for index in range(len(getattr(event, part) or ())):
            yield from ((part, index, name) for name in names)
    for index, line in enumerate(event.cap_lines):
        cap = state.caps.get((line.holder, line.cap_id))
        if line.holder == "account" or (cap is not None and cap.unit is Unit.MICROS):
            yield "cap_lines", index, "quantity"
    if event.hold is not None:
        yield "hold", 1, ""
    if event.outcome == "GRANTED":
        yield "granted_units", 0, ""


def altered(event: ChargingEvent, part: str, index: int, name: str, digit: Any) -> ChargingEvent:
    """Return the event with one digit of one figure changed."""
    found: Any = getattr(event, part)
    changed: Any
    if isinstance(found, int):
        changed = digit(found)
    elif name == "":
        changed = (*found[:index], digit(found[index]), *found[index + 1 :])
    else:
        item = found[index]
        if name == "1":
            item = (item[0], digit(item[1]))
        else:
            item = replace(item, **{name: digit(getattr(item, name))})
        changed = [*found[:index], item, *found[index + 1 :]]
    twin = copy(event)
    setattr(twin, part, changed)
    return twin


@settings(max_examples=600)
@given(data=st.data(), seed=st.integers(0, SEEDS - 1))
def test_a_changed_digit_is_caught(data: st.DataObject, seed: int) -> None:
    journal, state = traffic(seed)[data.draw(st.integers(0, 1))]
    at = data.draw(st.integers(0, len(journal) - 1))
    figure = data.draw(st.sampled_from(list(figures(journal[at], state))))

    def change(value: int) -> int:
        text = str(abs(value))
        index = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.sampled_from([d for d in "0123456789" if d != text[index]]))
        return (-1 if value < 0 else 1) * int(text[:index] + other + text[index + 1 :])

    forged = altered(journal[at], *figure, change)

    assert differences((*journal[:at], forged, *journal[at + 1 :]), state)


@settings(max_examples=100)
@given(data=st.data(), seed=st.integers(0, SEEDS - 1))
def test_a_lost_or_swapped_event_is_caught(data: st.DataObject, seed: int) -> None:
    journal, state = traffic(seed)[data.draw(st.integers(0, 1))]
    at = data.draw(st.integers(0, len(journal) - 2))
    lost = (*journal[:at], *journal[at + 1 :])
    swapped = (*journal[:at], journal[at + 1], journal[at], *journal[at + 2 :])

    assert f"event {at + 1}" in differences(lost, state)
    assert f"event {at + 1}" in differences(swapped, state)


def test_missing_events_are_one_difference() -> None:
    journal, _ = traffic(0)[0]

    gap = AccountFold("main", "a1")
    gap.apply("5-0", replace(journal[4], prev=""))

    assert gap.findings.kept[0].term == "event 1..4"
    assert gap.seq == 5


def lines(*texts: str) -> Journal:
    """Events 1.. of main/a1 from `KIND ms outcome ref tokens`, each with its prev."""
    found = []
    for seq, text in enumerate(texts, start=1):
        kind, ms, rest = text.split(" ", 2)
        prev = position(seq - 1) if seq > 1 else "-"
        found.append(decode_event(f"1 {kind} main/a1 {seq} {ms} {prev} {rest}"))
    return tuple(found)


OPEN = "CREATE_ACCOUNT 10 - - a=EUR:1:50"
CREDIT = "TOP_UP 11 - main b=main:0:0:100:0"
RESERVE = "RESERVE 12 GRANTED r1 r=5 g=5 b=main:100:0:100:60 d=80:5 h=main:60"
RELEASE = "RELEASE 20 RELEASED r1 b=main:100:60:100:0 d=0:0"
NEXT = "COMMIT 20 GRANTED r1 r=9 g=9 u=0 p=0:0:0:0 d=90:9 h=main:60"
CAP = "SET_SPENDING_CAP 11 - c1 q=account:c1:micros:55:day:-:-"


def found_in(*texts: str) -> list[str]:
    return [found.term for found in folded(lines(*texts)).findings.kept]


def test_a_short_story_is_proved() -> None:
    assert found_in(OPEN, CREDIT, RESERVE, "EXPIRE 80 - r1 b=main:100:60:100:0 d=0:0") == []


@pytest.mark.parametrize(
    ("story", "term"),
    [
        # P2: what was available does not cover it; the cap is passed.
        ([OPEN, CREDIT, RESERVE.replace("60", "151")], "event 3 bucket main available"),
        (
            [OPEN, CREDIT, CAP, f"{RESERVE} l=account:c1:0:60 k=account:c1:0:0:60"],
            "event 4 cap account/c1 spent and reserved",
        ),
        # P7: it had lapsed, or had not; it ended twice.
        (
            [OPEN, CREDIT, RESERVE, "RELEASE 80 RELEASED r1 b=main:100:60:100:0 d=0:0"],
            "event 4 time",
        ),
        ([OPEN, CREDIT, RESERVE, "EXPIRE 79 - r1 b=main:100:60:100:0 d=0:0"], "event 4 expires"),
        ([OPEN, CREDIT, RESERVE, "EXPIRE 80 - r2 d=0:0"], "event 4 expires"),
        ([OPEN, CREDIT, "RELEASE 20 RELEASED r1 d=0:0"], "event 3 hold r1"),
        ([OPEN, CREDIT, RESERVE, RESERVE.replace(":0:100", ":60:100")], "event 4 hold r1"),
        # Commits.
        (
            [OPEN, CREDIT, "COMMIT 20 CHARGED r1 u=0 p=0:0:0:0 d=0:0"],
            "event 3 flags",
        ),
        (
            [OPEN, CREDIT, RESERVE, "COMMIT 20 CHARGED r1 u=1 p=0:0:1:1 x=1:9 d=90:4 h=main:60"],
            "event 4 hold",
        ),
        (
            [
                OPEN,
                CREDIT,
                RESERVE,
                f"{NEXT} n=r2",
            ],
            "event 4 successor",
        ),
        (
            [
                OPEN,
                CREDIT,
                RESERVE,
                NEXT.replace("GRANTED", "CREDIT_LIMIT_REACHED"),
            ],
            "event 4 hold",
        ),
        ([OPEN, CREDIT, "DEBIT 20 CHARGED - u=9 p=0:0:9:9 y=b9:9:0"], "event 3 bucket b9"),
        (
            [OPEN, CREDIT, "DEBIT 20 CHARGED - u=9 p=0:0:9:9 y=main:9:9 Y=main:4 Y=main:4"],
            "event 3 stretches",
        ),
        (
            [OPEN, CREDIT, "DEBIT 20 CHARGED - u=9 p=0:0:9:9 S=2:1 y=main:9:9"],
            "event 3 steps",
        ),
        # Account keeping.
        ([OPEN, OPEN], "event 2 kind"),
        ([OPEN, "ADD_SUBSCRIBER 11 - s1", "ADD_SUBSCRIBER 12 - s1"], "event 3 subscriber"),
        ([OPEN, "REMOVE_SUBSCRIBER 11 - s1"], "event 2 subscriber"),
        ([OPEN, "UPDATE_SUBSCRIBER 11 - s1 m=g1"], "event 2 subscriber"),
        ([OPEN, CAP.replace("SET_", "DELETE_")], "event 2 cap"),
        ([OPEN, CAP, CAP.replace("SET_", "DELETE_").replace(":55:", ":56:")], "event 3 cap"),
        ([OPEN, CAP, CAP.replace("day", "week")], "event 3 cap"),
        ([OPEN, "TOP_UP 11 - b1 b=b1:0:0:5:0"], "event 2 terms"),
        ([OPEN, "TOP_UP 11 - b1 t=apples:1:0:0:0:-:- b=b1:0:0:5:0"], "event 2 terms"),
        ([OPEN, CREDIT, "BUCKET_CLOSED 12 - main z=100:0:100:0"], "event 3 bucket main"),
        ([OPEN, "TOP_UP 9 - main b=main:0:0:100:0"], "event 2 store time"),
    ],
)
def test_a_broken_promise_is_told(story: list[str], term: str) -> None:
    assert term in found_in(*story)


def test_findings_are_counted_beyond_those_kept() -> None:
    fold = AccountFold("main", "a1")
    for _ in range(250):
        fold.findings.add("bucket main balance", 1, 2)

    assert fold.findings.count == 250
    assert len(fold.findings.kept) == 100


def test_copies_are_compared_by_holder_and_reservation() -> None:
    fold = AccountFold("main", "a1")
    same, lost, more = ("group/g1", "r1"), ("group/g1", "r2"), ("subscriber/s1", "r1")
    compare_copies(fold.account, {same: "9 c:0:1", more: "9 c:0:2"}, {same: "9 c:0:1", lost: "x"})

    assert [(found.term, found.stored, found.journal) for found in fold.findings.kept] == [
        ("hold r2 of group/g1", "absent", "x"),
        ("hold r1 of subscriber/s1", "9 c:0:2", "absent"),
    ]


def test_what_is_remembered_of_holds_is_bounded_by_those_open() -> None:
    fold = folded(lines(OPEN, CREDIT))
    event = lines(OPEN, CREDIT, "RESERVE 12 GRANTED r0 r=5 g=5 d=9000000:5")[2]
    fold.apply("3-0", event)
    for seq in range(4, 2_000, 2):
        end: dict[str, Any] = {"prev": position(seq - 1), "store_ms": 12}
        fold.apply(
            position(seq), replace(event, seq=seq, ref="r1", hold=(9_000_000 + seq, 5), **end)
        )
        over = replace(event, kind=EventKind.RELEASE, outcome="RELEASED", ref="r1", hold=(0, 0))
        over = replace(over, seq=seq + 1, requested_units=0, granted_units=0, prev=position(seq))
        fold.apply(position(seq + 1), over)

    assert fold.findings.kept == []
    assert list(fold.account.holds.open) == ["r0"]
    assert len(fold.account.holds._deadlines) < 100
