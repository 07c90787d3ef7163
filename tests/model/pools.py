"""Small pools to draw commands from, so that they meet."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from ocs.domain.answer import Reason
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import GrantWish
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Rounding, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import RollingWindow, SpendingCap
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX

ACCOUNTS = ("a1", "a2")
SUBSCRIBERS = ("", "", "s1", "s1", "s1", "s2", "s2", "s9")
# Free, then dear, then cheap, each step with a fraction of its own.
STEPPED = Rate.compiled(
    [
        Stretch(0, 30, Fraction(0)),
        Stretch(90, 10, Fraction(25, 3)),
        Stretch(190, 7, Fraction(5, 7)),
        Stretch(400, 1, Fraction(1, 6)),
    ]
)
# A minimum of a minute, then by the second; whole tens, rounded up; at most so much a session.
MINIMUM = Rate.compiled(
    [Stretch(0, 60, Fraction(5, 3)), Stretch(60, 1, Fraction(7, 9))],
    rounding=Rounding.UP,
    quantum=10,
    max_micros=700,
)

FEE = 90
CONNECTED = Rate.compiled([Stretch(0, 1, Fraction(1))], connect_micros=FEE)
# The last position that a rate of one micro-unit each prices beside the fee, and the next.
WITH_FEE = (QUANTITY_MAX - FEE, QUANTITY_MAX - FEE + 1)

SERVICES: dict[str, list[ServiceTerms]] = {
    "data": [
        ServiceTerms("data", Unit.OCTETS, "", Rate.per_increment(10, 25, 3), 20, 600_000, "v1"),
        ServiceTerms("data", Unit.OCTETS, "stepped", STEPPED, 20, 600_000, "v1"),
        ServiceTerms("data", Unit.OCTETS, "roam", Rate.flat(1, 7, 3), 1, 60_000, "v1"),
    ],
    "voice": [
        ServiceTerms("voice", Unit.SECONDS, "", Rate.per_increment(60, 100, 1), 60, 90_000, "v1"),
        ServiceTerms("voice", Unit.SECONDS, "abroad", MINIMUM, 60, 90_000, "v1"),
        ServiceTerms("voice", Unit.SECONDS, "connected", CONNECTED, 60, 90_000, "v1"),
    ],
    "sms": [ServiceTerms("sms", Unit.COUNT, "", Rate.flat(1, 50, 1), 1, 5_000, "v1")],
    "work": [ServiceTerms("work", Unit.COUNT, "", Rate.flat(1, 1, 1), 1, 30_000, "v1")],
    "free": [
        ServiceTerms("free", Unit.OCTETS, "", Rate.flat(5, 0, 1), 1, 30_000, "v1"),
        ServiceTerms("free", Unit.OCTETS, "roam", Rate.flat(1, 0, 1), 1, 30_000, "v1"),
    ],
}

# What the service finds wrong with a call before the script has it.
MISFITS = [Reason.UNIT_MISMATCH, Reason.INVALID_FIELD]

TIER_DATA, TIER_VOICE = "tier@data", "tier@voice"
# Dearer, then much dearer, then cheap again; and one that only falls, after free units.
HUMPED = Rate.compiled(
    [
        Stretch(0, 5, Fraction(2, 3)),
        Stretch(100, 5, Fraction(31, 7)),
        Stretch(220, 5, Fraction(1, 9)),
    ]
)
FALLING = Rate.compiled(
    [Stretch(0, 1, Fraction(0)), Stretch(50, 1, Fraction(7, 2)), Stretch(300, 1, Fraction(1))],
    rounding=Rounding.UP,
    connect_micros=FEE,
)


def _priced(service: str, unit: Unit, zone: str, rates: list[tuple[Rate, str]]) -> None:
    PRICED[service, zone] = [
        ServiceTerms(
            service, unit, zone, rate, 10, 60_000, f"v{place}", f"{service}/p{place}", tier
        )
        for place, (rate, tier) in enumerate(rates)
    ]


# Lines between which the price of a session may change, by service and zone.
PRICED: dict[tuple[str, str], list[ServiceTerms]] = {}
_priced(
    "data",
    Unit.OCTETS,
    "",
    [
        (Rate.flat(1, 7, 3), ""),
        (HUMPED, TIER_DATA),
        (STEPPED, ""),
        (Rate.per_increment(10, 25, 3), ""),
        (FALLING, TIER_DATA),
    ],
)
_priced(
    "voice",
    Unit.SECONDS,
    "abroad",
    [(MINIMUM, ""), (HUMPED, TIER_VOICE), (CONNECTED, ""), (Rate.flat(60, 5, 2), "")],
)

accounts = st.sampled_from(ACCOUNTS)
subscribers = st.sampled_from(SUBSCRIBERS)
services = st.sampled_from(sorted(SERVICES))
small = st.integers(1, 400)
units = st.one_of(small, small, small, st.sampled_from([QUANTITY_MAX, 2**40, 2**52, *WITH_FEE]))
# Top-ups that bring a bucket onto its bound, or one beyond.
TO_THE_BOUND = (QUANTITY_MAX, QUANTITY_MAX + 1)
EXACTLY = -1  # as much as is held
used = st.one_of(
    st.sampled_from([0, 1]),
    st.integers(0, 500),
    st.integers(0, 500),
    st.just(EXACTLY),
    st.sampled_from([2**52, *WITH_FEE]),
)
sequences = st.one_of(st.just(-1), st.integers(0, 6))
ids = st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r6"])
zones = st.integers(0, 2)
sessions = st.sampled_from(["", "x1", "x2"])
wishes = st.builds(
    GrantWish,
    requested_units=units,
    all_or_nothing=st.booleans(),
    validity_ms=st.sampled_from([0, 0, 1_000, 3_600_000]),
    jitter_permille=st.sampled_from([0, 37, 100]),
)
# Grants that most often are given.
modest_wishes = st.builds(
    GrantWish,
    requested_units=st.one_of(st.integers(1, 60), small),
    all_or_nothing=st.sampled_from([False, False, False, True]),
    validity_ms=st.sampled_from([0, 0, 1_000, 30_000]),
    jitter_permille=st.sampled_from([0, 37]),
)
periods = st.sampled_from([*Period, Period.ROLLING, Period.ROLLING])
# Shorter than the service allows, so that slots leave while an example runs.
WINDOWS = {
    "c1": RollingWindow(4, 60_000),
    "c2": RollingWindow(3, 1_200_000),
    "c3": RollingWindow(24, 3_600_000),
    "c4": RollingWindow(2, 150_000),
    "c5": RollingWindow(31, 20_000),
}


def windowed(cap: SpendingCap) -> SpendingCap:
    """Give a rolling cap a window, one that goes with its id."""
    rolling = cap.period is Period.ROLLING
    return replace(cap, window=WINDOWS.get(cap.cap_id, WINDOWS["c1"])) if rolling else cap


bucket_terms = st.builds(
    BucketTerms,
    unit=st.sampled_from(list(Unit)),
    priority=st.sampled_from([1, 5, 5, 1000]),
    start_ms=st.just(0),
    expire_ms=st.just(0),
    blocking=st.sampled_from([False, False, True]),
    service_ids=st.sampled_from([(), (), ("data",), ("sms", "voice")]),
    zones=st.sampled_from([(), (), ("roam",)]),
)
