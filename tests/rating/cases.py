"""Random sessions under random prices, for the specification, the scripts and the oracle alike."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from ocs.domain.answer import Answer
from ocs.domain.bucket import MAIN, BucketTerms
from ocs.domain.commands import (
    Basis,
    Commit,
    CreateAccount,
    Debit,
    GrantWish,
    Mutation,
    Reserve,
    SetSpendingCap,
    TopUp,
)
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.periods import Period
from ocs.domain.rating import PriceTooFineError, Rate, Rounding, Stretch
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.spending_cap import tier_counter, tier_id
from ocs.domain.state import AccountTerms
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from ocs.store.memory import MemoryLedger
from tests.rating.oracle import Band, PriceList, rated_units, session_money

TENANT = "main"
START_MS = 1_790_000_000_000
SERVICE = "data"
TIER = tier_id(Period.MONTH, SERVICE)
MONEY = QUANTITY_MAX


class Scripts(Protocol):
    """Runs commands by the scripts."""

    now_ms: int

    def execute(self, command: Mutation) -> Answer:
        """Run one command."""


@dataclass(slots=True)
class Case:
    """One session. prices: the lists in the order they apply, each from a position on.

    reports: what each report says, (units, price) in order. bucket_units: in a bucket that pays
    first. tier_used: rated units that another session used before; -1: the price goes by none.
    """

    seed: int
    prices: list[tuple[PriceList, ServiceTerms]]
    reports: list[list[tuple[int, int]]]
    bucket_units: int
    tier_used: int
    wishes: list[int]

    def use(self) -> list[tuple[int, PriceList]]:
        """The whole session's use by price."""
        return [(units, self.prices[i][0]) for report in self.reports for units, i in report]


def random_cases(seed: int, count: int) -> Iterator[Case]:
    """Draw cases, those left out whose price is too fine to be loaded."""
    number = 0
    while count:
        number += 1
        rng = random.Random(seed * 1_000_000_007 + number)
        try:
            yield random_case(rng, number)
        except PriceTooFineError:
            continue
        count -= 1


def random_case(rng: random.Random, seed: int) -> Case:
    """Draw a case. Raises PriceTooFineError."""
    tiered = rng.random() < 0.3
    count = 1 if tiered else rng.choice([1, 1, 2, 3])
    # One fee: what is held for a fee that in the end is not due pays for use, as all that is held
    # does, before units of a bucket that the hold did not reach; the oracle knows of no holds.
    fee = rng.choice([0, 0, rng.randint(1, 10**6)])
    prices = [random_price(rng, f"v{place}", fee, tiered=tiered) for place in range(count)]
    total = rng.choice([rng.randint(0, 60), rng.randint(0, 5_000), rng.randint(0, 2**31)])
    cuts = sorted(rng.randint(0, total) for _ in prices[1:])
    ends = sorted(rng.randint(0, total) for _ in range(rng.randint(0, 5)))
    reports, at = [], 0
    for end in [*ends, total]:
        report = []
        for place, (low, high) in enumerate(zip([0, *cuts], [*cuts, total], strict=True)):
            units = min(end, high) - max(at, low)
            if units > 0:
                report.append((units, place))
        reports.append(report)
        at = end
    return Case(
        seed=seed,
        prices=prices,
        reports=reports,
        bucket_units=rng.choice([0, 0, rng.randint(1, 100), rng.randint(1, total + 1)]),
        tier_used=rng.choice([0, rng.randint(0, 3_000)]) if tiered else -1,
        wishes=[rng.randint(1, 2 * total + 1) for _ in range(len(reports) + 1)],
    )


def random_price(
    rng: random.Random, version: str, fee: int, *, tiered: bool
) -> tuple[PriceList, ServiceTerms]:
    """One price list, for the oracle and for the service."""
    bands, start = [], 0
    same = rng.choice([1, rng.randint(1, 60)])
    for _ in range(rng.randint(1, 8)):
        increment = same if tiered else rng.choice([1, rng.randint(1, 2 ** rng.randint(1, 12))])
        scale = rng.choice([1, 3, 60, 1024, 2**30])
        bands.append(Band(start, increment, Fraction(rng.randint(0, 10**6), scale)))
        start += increment * rng.randint(1, 2 ** rng.randint(1, 10))
    prices = PriceList(
        tuple(bands),
        rng.choice([rounding.value for rounding in Rounding]),
        rng.choice([1, 1, 10, 10_000]),
        0 if tiered else rng.choice([0, 0, rng.randint(1, 10**9)]),
        fee,
    )
    rate = Rate.compiled(
        [Stretch(band.start, band.increment, band.price) for band in bands],
        rounding=Rounding(prices.rounding),
        quantum=prices.quantum,
        max_micros=prices.most,
        connect_micros=prices.fee,
    )
    tier = TIER if tiered else ""
    return prices, ServiceTerms(
        SERVICE, Unit.OCTETS, "", rate, 1, 60_000, version, f"p-{version}", tier
    )


@dataclass(slots=True)
class Run:
    """One case on both sides."""

    case: Case
    scripts: Scripts
    spec: MemoryLedger = field(init=False)
    sent_count: int = 0

    def __post_init__(self) -> None:
        self.spec = MemoryLedger(lambda: START_MS)
        self.scripts.now_ms = START_MS

    def both(self, command: Mutation) -> Answer:
        """Run a command; both sides must answer alike."""
        expected = self.spec.decide(command)
        actual = self.scripts.execute(command)
        assert expected == actual, f"case {self.case.seed}: {command}\n{expected}\n{actual}"
        assert actual.reason is None, f"case {self.case.seed}: {command}\n{actual}"
        return actual

    def play(self) -> int:
        """Drive the session to its end; return the money it cost."""
        case = self.case
        self._open()
        money, name = 0, "s"
        wish = GrantWish(requested_units=case.wishes[0])
        later = case.prices[1][1] if len(case.prices) > 1 else None
        self.both(
            Reserve(
                profile=self._profile(),
                service_id=SERVICE,
                terms=case.prices[0][1],
                refusal=None,
                wish=wish,
                reservation_id=name,
                session_id=name,
                later=later,
                **self._call(),
            )
        )
        for number, report in enumerate(case.reports):
            answer = self.both(self._commit(name, number, report))
            assert answer.uncollected_micros == 0, f"case {case.seed}: {answer}"
            money += answer.charged_micros
        return money

    def _open(self) -> None:
        case = self.case
        terms = AccountTerms("EUR", "UTC", 1, "plan", "gold", 0)
        self.both(CreateAccount(terms=terms, **self._call()))
        self._credit(MAIN, None, MONEY)
        if case.tier_used >= 0:
            self.both(SetSpendingCap(cap=tier_counter(TIER, Unit.OCTETS), **self._call()))
        if case.tier_used > 0:
            self.debit(case.tier_used)
        if case.bucket_units:
            self._credit("units", BucketTerms(Unit.OCTETS, 1), case.bucket_units)

    def debit(self, units: int) -> Answer:
        """Use by a session of its own."""
        return self.both(
            Debit(
                profile=self._profile(),
                service_id=SERVICE,
                terms=self.case.prices[0][1],
                refusal=None,
                basis=Basis.USED,
                used_units=units,
                **self._call(),
            )
        )

    def _credit(self, bucket_id: str, terms: BucketTerms | None, quantity: int) -> None:
        self.both(
            TopUp(
                payment_reference=bucket_id,
                bucket_id=bucket_id,
                terms=terms,
                quantity=quantity,
                unit=terms.unit if terms is not None else Unit.MICROS,
                **self._call(),
            )
        )

    def _commit(self, name: str, number: int, report: list[tuple[int, int]]) -> Commit:
        case, last = self.case, number + 1 == len(self.case.reports)
        one_price = len(case.prices) == 1
        onward = not last and case.wishes[number + 1] % 3
        now = report[-1][1] if report else 0
        state = self.spec.accounts[TENANT, self._account]
        return Commit(
            profile=self._profile(),
            reservation=ReservationFacts.of(state.reservations[name]),
            reservation_id=name,
            used_units=sum(units for units, _ in report),
            pieces=() if one_price else tuple((units, case.prices[i][1]) for units, i in report),
            step=Step.CLOSE if last else Step.NEXT_GRANT if onward else Step.KEEP,
            wish=GrantWish(requested_units=case.wishes[number + 1]) if onward else None,
            terms=case.prices[now][1] if onward and not one_price else None,
            **self._call(),
        )

    @property
    def _account(self) -> str:
        return f"c{self.case.seed}"

    def _profile(self) -> Profile:
        found = self.spec.read_profile(TENANT, self._account, "")
        assert isinstance(found, Profile)
        return found

    def _call(self) -> dict[str, Any]:
        self.sent_count += 1
        return {
            "tenant": TENANT,
            "account_id": self._account,
            "request_id": f"q{self.sent_count}",
            "fingerprint": f"f{self.sent_count}",
            "request_time_ms": START_MS,
            "window_ms": 900_000,
        }


def expected_money(case: Case) -> int:
    """What the oracle says of the whole session."""
    tier_used: int | None = None
    if case.tier_used >= 0:
        first = case.prices[0][0]
        tier_used = rated_units([(case.tier_used, first)], tiered=True) if case.tier_used else 0
    return session_money(case.use(), case.bucket_units, tier_used)


def check_cases(
    scripts: Scripts,
    clear: Callable[[], None],
    seed: int,
    count: int,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Run cases; return how many. An AssertionError names the case that differs."""
    done = 0
    for case in random_cases(seed, count):
        if done % 200 == 0:
            clear()
            if on_progress is not None:
                on_progress(done)
        money, due = Run(case, scripts).play(), expected_money(case)
        assert money == due, f"case {case.seed}: {money} collected, {due} due: {case}"
        done += 1
    return done
