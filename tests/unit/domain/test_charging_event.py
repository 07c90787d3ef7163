"""The one decoder of the journal: golden lines, and nothing that is not one."""

import pytest

from ocs.domain.answer import Payment
from ocs.domain.charging_event import (
    BucketChange,
    ChargingEvent,
    CounterChange,
    EventFormatError,
    EventKind,
    decode_event,
)
from ocs.domain.reservation import CapLine

# Written by a version that is in the field: these decode for ever.
GOLDEN = {
    "1 RESERVE main/a1 4 1790000000000 1790000000000-0 GRANTED r1 r=50 g=20 "
    "d=1790001200000:20 h=b1:5 h=main:42 l=account/c:1790000000000:42 f=f "
    "b=b1:5:0:5:5 b=main:100:0:100:42 k=account:c:1790000000000:7:42".replace(
        "l=account/c", "l=account:c"
    ): ChargingEvent(
        kind=EventKind.RESERVE,
        tenant="main",
        account_id="a1",
        seq=4,
        store_ms=1790000000000,
        outcome="GRANTED",
        ref="r1",
        requested_units=50,
        granted_units=20,
        hold=(1790001200000, 20),
        hold_lines=[("b1", 5), ("main", 42)],
        cap_lines=[CapLine("account", "c", 1790000000000, 42)],
        flags="f",
        buckets=[BucketChange("b1", 5, 0, 5, 5), BucketChange("main", 100, 0, 100, 42)],
        counters=[CounterChange("account", "c", 1790000000000, 7, 42)],
    ),
    "1 COMMIT main/a1 5 1790000000001 1790000000000-1 CHARGED r1 u=30 p=0:0:30:30 y=main:30:25 "
    "x=5:4 f=l d=0:0 b=main:100:42:75:0": ChargingEvent(
        kind=EventKind.COMMIT,
        tenant="main",
        account_id="a1",
        seq=5,
        store_ms=1790000000001,
        outcome="CHARGED",
        ref="r1",
        used_units=30,
        position=(0, 0, 30, 30),
        payments=[Payment("main", 30, 25)],
        uncollected_units=5,
        uncollected_micros=4,
        flags="l",
        hold=(0, 0),
        buckets=[BucketChange("main", 100, 42, 75, 0)],
    ),
    "1 DEBIT main/a1 6 1790000000002 1790000000001-0 CHARGED - u=9 p=30:30:39:39 S=1:2 S=3:3 "
    "y=main:9:7 b=main:75:0:68:0": ChargingEvent(
        kind=EventKind.DEBIT,
        tenant="main",
        account_id="a1",
        seq=6,
        store_ms=1790000000002,
        outcome="CHARGED",
        used_units=9,
        position=(30, 30, 39, 39),
        steps=[(1, 2), (3, 3)],
        payments=[Payment("main", 9, 7)],
        buckets=[BucketChange("main", 75, 0, 68, 0)],
    ),
    "1 ADD_SUBSCRIBER main/a1 2 1790000000000 - - s1 m=g1 m=g2": ChargingEvent(
        kind=EventKind.ADD_SUBSCRIBER,
        tenant="main",
        account_id="a1",
        seq=2,
        store_ms=1790000000000,
        ref="s1",
        group_ids=["g1", "g2"],
    ),
}


@pytest.mark.parametrize("line", GOLDEN)
def test_golden_lines(line: str) -> None:
    assert decode_event(line) == GOLDEN[line]


def test_tokens_of_a_newer_version_are_left_out() -> None:
    line = "1 RELEASE main/a1 2 1790000000000 - RELEASED r1 d=0:0"

    assert decode_event(f"{line} Z=1:2:3") == decode_event(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2 RELEASE main/a1 2 1790000000000 - RELEASED r1",
        "1 UNHEARD main/a1 2 1790000000000 - RELEASED r1",
        "1 RELEASE main 2 1790000000000 - RELEASED r1",
        "1 RELEASE main/a1 two 1790000000000 - RELEASED r1",
        "1 RELEASE main/a1 2 1790000000000 - RELEASED r1 b=main:1:2:3",
        "1 RELEASE main/a1 2 1790000000000 - RELEASED r1 y=main:1",
        "1 RELEASE main/a1 2 1790000000000 - RELEASED r1 ",
    ],
)
def test_what_is_no_event(line: str) -> None:
    with pytest.raises(EventFormatError):
        decode_event(line)
