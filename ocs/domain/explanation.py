"""Says in plain sentences how a price came about: one line for each step, rounding and bucket.

Amounts are exact fractions of micro-units; the lines before the buckets add up to the price, those
of buckets and of what nobody pays to the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from ocs.domain.answer import Payment
from ocs.domain.price_function import Joined, Part, PriceFunction, connect_due
from ocs.domain.rating import Rate, RateStep, Rounding, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX

_MICROS: Final = 1_000_000
_DECIMALS: Final = 9
_WORDS: Final = {
    Unit.OCTETS: ("octet", "octets"),
    Unit.SECONDS: ("second", "seconds"),
    Unit.COUNT: ("piece", "pieces"),
}
_ROUNDINGS: Final = {Rounding.HALF_UP: "to the nearest", Rounding.UP: "up", Rounding.DOWN: "down"}


class Cause(StrEnum):
    """What a line is about; the names equal the proto's ExplanationCause."""

    INCREMENT = "INCREMENT"
    TIER = "TIER"
    STEP = "STEP"
    ROUNDING = "ROUNDING"
    MAXIMUM = "MAXIMUM"
    CONNECT_FEE = "CONNECT_FEE"
    BUCKET = "BUCKET"
    GRANT_MAX = "GRANT_MAX"
    UNCOLLECTED = "UNCOLLECTED"
    CORRECTION = "CORRECTION"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One line. units: [from_units, to_units) of the session, or 0, 0. micros: exact, may be < 0.

    price_id, tariff_version: of the line of the tariff, for a STEP; so are step_number (from 1) and
    step, its place in the price list. bucket_id: of a BUCKET or REFUND.
    """

    cause: Cause
    text: str
    from_units: int = 0
    to_units: int = 0
    micros: Fraction = Fraction(0)
    price_id: str = ""
    tariff_version: str = ""
    bucket_id: str = ""
    step_number: int = 0
    step: Stretch | None = None


@dataclass(frozen=True, slots=True)
class PaidStretch:
    """What one bucket pays for: units [start, end) of the session, and with how much money."""

    bucket_id: str
    start: int
    end: int
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What is explained: use of a session, from where it stood.

    position, paid_to: units used before, and rated. rated_to: after. lines: of the tariff, in the
    order of their parts in `price`. due: the stretches that money pays for, or should; what buckets
    of units pay for costs nothing. connect_micros: the connect fee, if it falls due here.
    """

    unit: Unit
    currency: str
    used_units: int
    position: int = 0
    paid_to: int = 0
    rated_to: int
    price: PriceFunction
    lines: Sequence[ServiceTerms]
    due: Sequence[tuple[int, int]]
    connect_micros: int
    paid: Sequence[PaidStretch]
    uncollected_units: int = 0
    uncollected_micros: int = 0


def first_use(
    terms: Sequence[ServiceTerms],
    currency: str,
    used: tuple[int, int],
    price: PriceFunction,
    payments: Sequence[Payment],
) -> Explained:
    """Return a session's first use as if money had to pay for all of it.

    used: units, and what they are rated for. payments: who would pay, in order.
    """
    used_units, rated_to = used
    paid, at = [], 0
    for payment in payments:
        paid.append(PaidStretch(payment.bucket_id, at, at + payment.units, payment.micros))
        at += payment.units
    return Explained(
        unit=terms[0].unit,
        currency=currency,
        used_units=used_units,
        rated_to=rated_to,
        price=price,
        lines=terms,
        due=[(0, rated_to)],
        connect_micros=connect_due(price, 0, used_units),
        paid=paid,
    )


def explain(what: Explained) -> list[ExplainedLine]:
    """Return the explanation, line by line."""
    return [*_increments(what), *_steps(what), *_fee(what), *_buckets(what), *_uncollected(what)]


def grant_cut(terms: ServiceTerms, units: int) -> list[ExplainedLine]:
    """Say that units are more than one grant, if they are."""
    most = terms.grant_max
    if not 0 < most < units:
        return []
    asked, cut = units_text(units, terms.unit), units_text(most, terms.unit)
    text = f"A reserve of {asked} is cut to {cut}, the most of one grant"
    return [ExplainedLine(Cause.GRANT_MAX, text, 0, most)]


def bucket_line(stretch: PaidStretch, unit: Unit | None, currency: str) -> ExplainedLine:
    """Say who pays for what. unit: None = not known."""
    count = stretch.end - stretch.start
    money = money_text(Fraction(stretch.micros), currency)
    text = f"Bucket {stretch.bucket_id} pays for {units_text(count, unit)}"
    if stretch.micros:
        text += f" with {money}"
    if not count:
        text = f"Bucket {stretch.bucket_id} pays {money}"
    return ExplainedLine(
        Cause.BUCKET,
        text,
        stretch.start,
        stretch.end,
        Fraction(stretch.micros),
        bucket_id=stretch.bucket_id,
    )


def uncollected_line(start: int, end: int, micros: int, currency: str) -> ExplainedLine:
    """Say what nobody paid. start, end: the units, which may be none."""
    text = f"Nobody pays the rest: {money_text(Fraction(micros), currency)} is not collected"
    return ExplainedLine(Cause.UNCOLLECTED, text, start, end, Fraction(micros))


def _increments(what: Explained) -> Iterator[ExplainedLine]:
    after = what.position + what.used_units
    first = what.position == what.paid_to == 0
    if first and what.rated_to > after:
        text = (
            f"{units_text(after, what.unit)} {_are(after)} charged as"
            f" {units_text(what.rated_to, what.unit)}: use is counted in whole increments"
        )
        yield ExplainedLine(Cause.INCREMENT, text, after, what.rated_to)
    elif (what.position, after) != (what.paid_to, what.rated_to):
        text = (
            f"The session had used {units_text(what.position, what.unit)}, rated as"
            f" {what.paid_to:,}; with {what.used_units:,} more {after:,}, rated as"
            f" {what.rated_to:,}"
        )
        yield ExplainedLine(Cause.INCREMENT, text, after, what.rated_to)


def _steps(what: Explained) -> Iterator[ExplainedLine]:
    price = what.price
    if isinstance(price, Joined):
        parts = price.parts
    else:
        assert isinstance(price, Rate)
        parts = (Part(price, 0, 0),)
    start = what.paid_to
    for terms, part in zip(what.lines, parts, strict=True):
        end = min(part.end, what.rated_to)
        inside = [(max(low, start), min(high, end)) for low, high in what.due]
        inside = [(low, high) for low, high in inside if low < high]
        before = start + part.shift
        if inside and terms.tier and before > 0:
            text = (
                f"{units_text(before, what.unit)} were used before in this period:"
                " prices go on from there"
            )
            yield ExplainedLine(Cause.TIER, text, before, end + part.shift)
        for low, high in inside:
            yield from _part(what, terms, part, low, high)
        start = end


def _part(
    what: Explained, terms: ServiceTerms, part: Part, start: int, end: int
) -> Iterator[ExplainedLine]:
    """One price: its steps, then what rounding and a most make of their sum."""
    rate, low, high = part.price, start + part.shift, end + part.shift
    exact = Fraction(0)
    for number, (step, beyond, listed) in enumerate(_spans(rate), start=1):
        first, last = max(low, step.start), min(high, beyond)
        if first >= last:
            continue
        each = Fraction(step.num * rate.quantum, step.den)
        micros = (last - first) * each
        exact += micros
        text = (
            f"{units_text(last - first, what.unit)} at"
            f" {money_text(each * step.increment, what.currency)} for each"
            f" {units_text(step.increment, what.unit)}: {money_text(micros, what.currency)}"
        )
        if terms.price_id:
            text += f" ({terms.price_id})"
        yield ExplainedLine(
            Cause.STEP,
            text,
            first - part.shift,
            last - part.shift,
            micros,
            terms.price_id,
            terms.tariff_version,
            step_number=number,
            step=listed,
        )
    due = _difference(rate, low, high)
    if rate.max_micros and rate.cost(high) == rate.max_micros and exact > due:
        most = money_text(Fraction(rate.max_micros), what.currency)
        text = f"A session costs at most {most} for its use"
        yield ExplainedLine(Cause.MAXIMUM, text, micros=due - exact)
    elif due != exact:
        quantum = money_text(Fraction(rate.quantum), what.currency)
        shown = money_text(due, what.currency)
        text = f"Rounded {_ROUNDINGS[rate.rounding]} to whole {quantum}: {shown}"
        yield ExplainedLine(Cause.ROUNDING, text, micros=due - exact)


def _spans(rate: Rate) -> Iterator[tuple[RateStep, int, Stretch]]:
    ends = [step.start for step in rate.steps[1:]] + [QUANTITY_MAX + 1]
    yield from zip(rate.steps, ends, rate.price_list(), strict=True)


def _difference(rate: Rate, low: int, high: int) -> Fraction:
    top, base = rate.cost(high), rate.cost(low)
    assert top is not None
    assert base is not None
    return Fraction(top - base)


def _fee(what: Explained) -> Iterator[ExplainedLine]:
    if what.connect_micros:
        micros = Fraction(what.connect_micros)
        text = f"Connect fee, once a session: {money_text(micros, what.currency)}"
        yield ExplainedLine(Cause.CONNECT_FEE, text, micros=micros)


def _buckets(what: Explained) -> Iterator[ExplainedLine]:
    for stretch in what.paid:
        yield bucket_line(stretch, what.unit, what.currency)


def _uncollected(what: Explained) -> Iterator[ExplainedLine]:
    if what.uncollected_units or what.uncollected_micros:
        start = what.rated_to - what.uncollected_units
        yield uncollected_line(start, what.rated_to, what.uncollected_micros, what.currency)


def units_text(count: int, unit: Unit | None) -> str:
    """Spell units, e.g. `1 second`. unit: None = not known."""
    one, many = _WORDS[unit] if unit is not None else ("unit", "units")
    return f"{count:,} {one if count == 1 else many}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def money_text(micros: Fraction, currency: str) -> str:
    """Spell an amount in currency units: exact as far as nine decimals say it, else about."""
    scaled = micros / _MICROS * 10**_DECIMALS
    whole = round(scaled)
    about = "" if whole == scaled else "about "
    units, rest = divmod(abs(whole), 10**_DECIMALS)
    decimals = f"{rest:0{_DECIMALS}d}"
    shown = decimals[:2] + decimals[2:].rstrip("0")
    return f"{about}{'-' if whole < 0 else ''}{units:,}.{shown} {currency}"
