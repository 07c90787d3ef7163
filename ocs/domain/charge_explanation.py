"""Explains a charge of the past from its journal record and the tariff that priced it.

Nothing is invented: what the record does not tell is said so, and if the tariff's price is not what
the event says, the event stands and its price is not explained.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from ocs.domain.allocation import cost_between
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import Pieces
from ocs.domain.decide.grant import CapInForce
from ocs.domain.decide.pricing import price_of_use
from ocs.domain.decide.refund import collected_by
from ocs.domain.event_context import EventContext
from ocs.domain.explanation import (
    Cause,
    Explained,
    ExplainedLine,
    PaidStretch,
    bucket_line,
    explain,
    money_text,
    uncollected_line,
)
from ocs.domain.price_function import PriceFunction, steps_of
from ocs.domain.rerating.payers import Payer, payers_of
from ocs.domain.reservation import ServiceTerms, SessionRating
from ocs.domain.tariff import Tariff
from ocs.domain.units import Unit


class Unexplained(StrEnum):
    """Why a price is not explained; names equal the proto's UnexplainedCause."""

    NOTHING_CHARGED = "NOTHING_CHARGED"
    POSITION_UNKNOWN = "POSITION_UNKNOWN"
    VERSION_UNKNOWN = "VERSION_UNKNOWN"
    PRICE_UNKNOWN = "PRICE_UNKNOWN"
    TIER_UNKNOWN = "TIER_UNKNOWN"
    EVENT_GONE = "EVENT_GONE"
    OTHER_PRICE = "OTHER_PRICE"


# Lines that say who paid, not what for.
PAYING: Final = (Cause.BUCKET, Cause.UNCOLLECTED)


class Explanation(NamedTuple):
    """Lines, whose sum before those of who paid is the event's money; or why there is no price."""

    lines: list[ExplainedLine]
    unexplained: Unexplained | None = None
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class PastCharge:
    """A charge with what priced it. terms: of the known line; pieces: as in Commit.

    counters: of the tiers that it went by, as they stood before it.
    """

    event: ChargingEvent
    context: EventContext
    terms: ServiceTerms
    pieces: Pieces
    counters: Sequence[CapInForce]


def money_of(event: ChargingEvent) -> int:
    """Return what an event's use cost, collected or not, in micro-units."""
    return sum(payment.micros for payment in event.payments) + event.uncollected_micros


def line_named(tariff: Tariff, context: EventContext, price_id: str) -> ServiceTerms | None:
    """Find the line that priced something, by its name; None: the version has none such.

    A commit's context has the account's plan of its time; it was priced by the plan of its grant.
    """
    plans = [context.plan, *(plan for plan in tariff.plans if plan != context.plan)]
    for plan in plans:
        line = tariff.lines.get((plan, context.service_id), {}).get(context.zone)
        for variant in line.variants if line is not None else ():
            for terms in (variant.terms, *variant.by_entry.values()):
                if terms.price_id == price_id:
                    return terms
    return None


def explain_charge(charge: PastCharge) -> Explanation:
    """Explain a charge that has a position; its lines add up to its money exactly."""
    event = charge.event
    assert event.position is not None
    position, paid_to, _, rated_to = event.position
    rating = SessionRating(0, position, paid_to)
    priced = price_of_use(charge.terms, rating, event.used_units, charge.pieces, charge.counters)
    if priced is None or priced[1] != rated_to:
        return unexplained(event, charge.context, Unexplained.OTHER_PRICE)
    price = priced[0]
    if event.steps and event.steps != steps_of(price, paid_to, rated_to):
        return unexplained(event, charge.context, Unexplained.OTHER_PRICE)
    payers = payers_of(event)
    what = Explained(
        unit=charge.terms.unit,
        currency=charge.context.currency,
        used_units=event.used_units,
        position=position,
        paid_to=paid_to,
        rated_to=rated_to,
        price=price,
        lines=[line or charge.terms for _, line in charge.pieces] or [charge.terms],
        due=_due(payers, paid_to, rated_to),
        connect_micros=event.connect_micros,
        paid=list(_paid(event, payers, price)),
        uncollected_units=event.uncollected_units,
        uncollected_micros=event.uncollected_micros,
    )
    lines = explain(what)
    due = sum(line.micros for line in lines if line.cause not in PAYING)
    paid = sum(line.micros for line in lines if line.cause in PAYING)
    if not due == paid == money_of(event):
        return unexplained(event, charge.context, Unexplained.OTHER_PRICE)
    return Explanation(lines, unit=charge.terms.unit)


def explain_correction(event: ChargingEvent, context: EventContext) -> Explanation:
    """Explain a debit of CorrectCharge, whose units are micro-units."""
    micros = Fraction(money_of(event))
    text = (
        f"Correction of event {context.corrects_seq} by tariff {context.tariff_version}:"
        f" {money_text(micros, context.currency)}"
    )
    correction = ExplainedLine(
        Cause.CORRECTION, text, micros=micros, tariff_version=context.tariff_version
    )
    paid = [PaidStretch(payment.bucket_id, 0, 0, payment.micros) for payment in event.payments]
    return Explanation([correction, *_who_paid(event, paid, None, context.currency)])


def explain_refund(
    event: ChargingEvent, context: EventContext, refunded: ChargingEvent | None
) -> Explanation:
    """Explain what was given back. refunded: the event; None: it is not in the journal any more."""
    if refunded is None:
        return Explanation([], Unexplained.EVENT_GONE)
    money = {bucket_id for bucket_id, _, is_money in collected_by(refunded).paid if is_money}
    lines = []
    for line in event.refunds:
        quantity = Fraction(line.quantity)
        is_money = line.bucket_id in money
        given = money_text(quantity, context.currency) if is_money else f"{line.quantity:,} units"
        text = f"Bucket {line.bucket_id} gets back {given} of event {refunded.seq}"
        if line.to_bucket_id != line.bucket_id:
            went = f"credited to {line.to_bucket_id}" if line.to_bucket_id else "which lapsed"
            text += f", {went}"
        lines.append(
            ExplainedLine(
                Cause.REFUND,
                text,
                micros=-quantity if is_money else Fraction(0),
                bucket_id=line.bucket_id,
            )
        )
    return Explanation(lines)


def unexplained(event: ChargingEvent, context: EventContext, why: Unexplained) -> Explanation:
    """Return what the record alone says: who paid, but not what for."""
    paid, at = [], event.position[1] if event.position is not None else 0
    for payment in event.payments:
        paid.append(PaidStretch(payment.bucket_id, at, at + payment.units, payment.micros))
        at += payment.units
    return Explanation(list(_who_paid(event, paid, None, context.currency)), why)


def sentence_of(why: Unexplained, context: EventContext) -> str:
    """Say in a plain sentence why a price is not explained."""
    version = context.tariff_version or "that priced it"
    return {
        Unexplained.NOTHING_CHARGED: "Nothing was charged: the outcome says why",
        Unexplained.POSITION_UNKNOWN: "The record does not say how far the session had come",
        Unexplained.VERSION_UNKNOWN: f"The tariff {version} is not in the store",
        Unexplained.PRICE_UNKNOWN: f"The tariff {version} has no line of the name in the record",
        Unexplained.TIER_UNKNOWN: "How much was used before in the period is not in the journal",
        Unexplained.EVENT_GONE: "The event that was refunded is not in the journal",
        Unexplained.OTHER_PRICE: f"The tariff {version} makes another price of this use",
    }[why]


def _due(payers: Sequence[Payer], start: int, end: int) -> list[tuple[int, int]]:
    """The stretches of [start, end) that no bucket of units paid for, in order."""
    due: list[tuple[int, int]] = []
    stretches = [(payer.start, payer.end, payer.money) for payer in payers]
    at = payers[-1].end if payers else start
    for low, high, money in [*stretches, (at, end, True)]:
        if not money or low >= high:
            continue
        if due and due[-1][1] == low:
            due[-1] = (due[-1][0], high)
        else:
            due.append((low, high))
    return due


def _paid(
    event: ChargingEvent, payers: Sequence[Payer], price: PriceFunction
) -> Iterator[PaidStretch]:
    """Who paid for which stretch; a bucket's share of the connect fee is in its first one."""
    left = {payment.bucket_id: payment.micros for payment in event.payments}
    costs = [cost_between(price, one.start, one.end) if one.money else 0 for one in payers]
    for payer, cost in zip(payers, costs, strict=True):
        left[payer.bucket_id] -= cost
    for payer, cost in zip(payers, costs, strict=True):
        fee = left.pop(payer.bucket_id, 0)
        yield PaidStretch(payer.bucket_id, payer.start, payer.end, cost + fee)
    # Buckets that paid of the connect fee alone have no stretch where stretches are told.
    for bucket_id, micros in left.items():
        yield PaidStretch(bucket_id, 0, 0, micros)


def _who_paid(
    event: ChargingEvent, paid: Sequence[PaidStretch], unit: Unit | None, currency: str
) -> Iterator[ExplainedLine]:
    for stretch in paid:
        yield bucket_line(stretch, unit, currency)
    if event.uncollected_micros or event.uncollected_units:
        end = event.position[3] if event.position is not None else event.uncollected_units
        start = end - event.uncollected_units
        yield uncollected_line(start, end, event.uncollected_micros, currency)
