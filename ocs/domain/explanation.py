"""Says in plain sentences how a price came about: one line for each step, rounding and bucket.

Amounts are exact fractions of micro-units; the lines before the buckets add up to the price.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from ocs.domain.answer import Payment
from ocs.domain.price_function import Joined, Part, PriceFunction, connect_due
from ocs.domain.rating import Rate, RateStep, Rounding
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


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One line. units: [from_units, to_units) of the use, or 0, 0. micros: exact, may be negative.

    price_id, tariff_version: of the line of the tariff, for a STEP. bucket_id: of a BUCKET.
    """

    cause: Cause
    text: str
    from_units: int = 0
    to_units: int = 0
    micros: Fraction = Fraction(0)
    price_id: str = ""
    tariff_version: str = ""
    bucket_id: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """What is explained. lines: of the tariff, in the order of their parts in `price`."""

    unit: Unit
    currency: str
    used_units: int
    rated_units: int
    price: PriceFunction
    lines: Sequence[ServiceTerms]
    payments: Sequence[Payment]


def explain(what: Explained) -> list[ExplainedLine]:
    """Return the explanation of a session's first use."""
    return [*_increments(what), *_steps(what), *_fee(what), *_buckets(what)]


def grant_cut(terms: ServiceTerms, units: int) -> list[ExplainedLine]:
    """Say that units are more than one grant, if they are."""
    most = terms.grant_max
    if not 0 < most < units:
        return []
    asked, cut = _units(units, terms.unit), _units(most, terms.unit)
    text = f"A reserve of {asked} is cut to {cut}, the most of one grant"
    return [ExplainedLine(Cause.GRANT_MAX, text, 0, most)]


def _increments(what: Explained) -> Iterator[ExplainedLine]:
    if what.rated_units > what.used_units:
        text = (
            f"{_units(what.used_units, what.unit)} {_are(what.used_units)} charged as"
            f" {_units(what.rated_units, what.unit)}: use is counted in whole increments"
        )
        yield ExplainedLine(Cause.INCREMENT, text, what.used_units, what.rated_units)


def _steps(what: Explained) -> Iterator[ExplainedLine]:
    price = what.price
    if isinstance(price, Joined):
        parts = price.parts
    else:
        assert isinstance(price, Rate)
        parts = (Part(price, 0, 0),)
    start = 0
    for terms, part in zip(what.lines, parts, strict=True):
        end = min(part.end, what.rated_units)
        if end > start:
            yield from _part(what, terms, part, start, end)
        start = end


def _part(
    what: Explained, terms: ServiceTerms, part: Part, start: int, end: int
) -> Iterator[ExplainedLine]:
    """One price: its steps, then what rounding and a most make of their sum."""
    rate, low, high = part.price, start + part.shift, end + part.shift
    if terms.tier and low > 0:
        text = f"{_units(low, what.unit)} were used before in this period: prices go on from there"
        yield ExplainedLine(Cause.TIER, text, low, high)
    exact = Fraction(0)
    for step, beyond in _spans(rate):
        first, last = max(low, step.start), min(high, beyond)
        if first >= last:
            continue
        each = Fraction(step.num * rate.quantum, step.den)
        micros = (last - first) * each
        exact += micros
        count = _units(last - first, what.unit)
        text = (
            f"{count} at {_money(each * step.increment, what)} for each"
            f" {_units(step.increment, what.unit)}: {_money(micros, what)}"
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
        )
    due = _difference(rate, low, high)
    if rate.max_micros and rate.cost(high) == rate.max_micros and exact > due:
        text = f"A session costs at most {_money(Fraction(rate.max_micros), what)} for its use"
        yield ExplainedLine(Cause.MAXIMUM, text, micros=due - exact)
    elif due != exact:
        quantum = _money(Fraction(rate.quantum), what)
        text = f"Rounded {_ROUNDINGS[rate.rounding]} to whole {quantum}: {_money(due, what)}"
        yield ExplainedLine(Cause.ROUNDING, text, micros=due - exact)


def _spans(rate: Rate) -> Iterator[tuple[RateStep, int]]:
    ends = [step.start for step in rate.steps[1:]] + [QUANTITY_MAX + 1]
    yield from zip(rate.steps, ends, strict=True)


def _difference(rate: Rate, low: int, high: int) -> Fraction:
    top, base = rate.cost(high), rate.cost(low)
    assert top is not None
    assert base is not None
    return Fraction(top - base)


def _fee(what: Explained) -> Iterator[ExplainedLine]:
    fee = connect_due(what.price, 0, what.used_units)
    if fee:
        micros = Fraction(fee)
        text = f"Connect fee, once a session: {_money(micros, what)}"
        yield ExplainedLine(Cause.CONNECT_FEE, text, micros=micros)


def _buckets(what: Explained) -> Iterator[ExplainedLine]:
    at = 0
    for payment in what.payments:
        end = at + payment.units
        money = f" with {_money(Fraction(payment.micros), what)}" if payment.micros else ""
        text = f"Bucket {payment.bucket_id} pays for {_units(payment.units, what.unit)}{money}"
        yield ExplainedLine(
            Cause.BUCKET,
            text,
            at,
            end,
            Fraction(payment.micros),
            bucket_id=payment.bucket_id,
        )
        at = end


def _units(count: int, unit: Unit) -> str:
    one, many = _WORDS[unit]
    return f"{count:,} {one if count == 1 else many}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _money(micros: Fraction, what: Explained) -> str:
    """An amount in currency units: exact as far as nine decimals say it, else about."""
    scaled = micros / _MICROS * 10**_DECIMALS
    whole = round(scaled)
    about = "" if whole == scaled else "about "
    units, rest = divmod(abs(whole), 10**_DECIMALS)
    decimals = f"{rest:0{_DECIMALS}d}"
    shown = decimals[:2] + decimals[2:].rstrip("0")
    return f"{about}{'-' if whole < 0 else ''}{units:,}.{shown} {what.currency}"
