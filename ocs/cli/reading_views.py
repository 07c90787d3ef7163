"""Answers of reads as a human reads them; registered with views."""

from collections.abc import Sequence
from typing import Final

from ocs.cli.output import Block, Fields, Listing
from ocs.cli.parse import decimal_of
from ocs.cli.views import (
    blocks_of,
    cap_reached,
    charge_fields,
    grant_fields,
    holder,
    moment,
    quantity,
    receipt,
)
from ocs.client import (
    AccountPage,
    ExplainChargeResult,
    GetRequestResult,
    GetReservationResult,
    QuoteResult,
    RateStep,
    ReservationPage,
    ReservationReading,
    Unit,
)
from ocs.client.values import ExplanationCause

__all__ = ["blocks_of"]


_WITHOUT_MONEY: Final = (
    ExplanationCause.INCREMENT,
    ExplanationCause.TIER,
    ExplanationCause.GRANT_MAX,
)


def _prices(steps: Sequence[RateStep], unit: Unit | None) -> list[tuple[str, str]]:
    return [("" if step.from_units else "rate", _price(step, unit)) for step in steps]


def _price(step: RateStep, unit: Unit | None) -> str:
    each = f"{decimal_of(step.micros)} for {quantity(step.per_units, unit)}"
    start = f"from {quantity(step.from_units, unit)}: " if step.from_units else ""
    return f"{start}{each}, in increments of {step.increment_units}"


def _grant_sizes(result: QuoteResult) -> str:
    """How much a reserve may get: at least, where it names nothing, at most."""
    sizes = (
        ("from", result.grant_min_units),
        ("by default", result.grant_default_units),
        ("up to", result.grant_max_units),
    )
    return ", ".join(f"{word} {quantity(size, result.unit)}" for word, size in sizes if size)


def _next(token: str) -> Fields:
    return Fields([("more", f"--page-token {token}" if token else "")])


@blocks_of.register
def _(result: QuoteResult) -> list[Block]:
    paid = [f"{line.bucket_id}: {line.units}" for line in result.lines]
    rows = [
        ("outcome", result.outcome.value),
        ("rated", quantity(result.rated_units, result.unit)),
        ("price", f"{decimal_of(result.price_micros)} {result.currency}"),
        ("paid by", ", ".join(paid)),
        *_prices(result.steps, result.unit),
        ("connect fee", decimal_of(result.connect_micros) if result.connect_micros else ""),
        ("one grant", _grant_sizes(result)),
        ("zone", result.zone),
        ("tariff", result.tariff_version),
    ]
    fields = Fields([*rows, *cap_reached(result.cap), ("as of", moment(result.store_time))])
    return [fields, *_explanation(result)]


@blocks_of.register
def _(result: ExplainChargeResult) -> list[Block]:
    money = f"{decimal_of(result.charged_micros)} {result.currency}"
    lost = f"{decimal_of(result.uncollected_micros)} {result.currency}"
    used, rated = (
        quantity(units, result.unit) for units in (result.used_units, result.rated_units)
    )
    return [
        Fields(
            [
                ("event", result.event),
                ("kind", result.kind.lower().replace("_", " ")),
                ("outcome", result.outcome.value if result.outcome else ""),
                ("at", moment(result.store_time)),
                ("used at", moment(result.event_time)),
                ("service", result.service_id),
                ("zone", result.zone),
                ("used", used if result.used_units else ""),
                ("rated", rated if result.rated_units else ""),
                ("charged", money),
                ("not collected", lost if result.uncollected_micros else ""),
                ("tariff", result.tariff_version),
                ("split", "no: the report did not say when it was used" if result.unsplit else ""),
                ("about", result.about_event),
                ("not explained", result.unexplained_text),
            ]
        ),
        *_explanation(result),
    ]


def _explanation(result: QuoteResult | ExplainChargeResult) -> list[Block]:
    """Why, line by line; nothing if there are no lines."""
    rows = [
        (
            f"{line.cause.lower().replace('_', ' ')} {line.step_number or ''}".rstrip(),
            f"{line.from_units}-{line.to_units}" if line.to_units else "",
            "" if line.cause in _WITHOUT_MONEY else decimal_of(line.micros),
            line.text,
        )
        for line in result.explanation
    ]
    return [Listing(("why", "units", result.currency, ""), rows)] if rows else []


def _reservation_fields(value: ReservationReading) -> list[tuple[str, str]]:
    in_caps = [
        f"{line.cap_id} of {holder(line.holder)}: {line.quantity}" for line in value.held_in_caps
    ]
    return [
        ("reservation", value.reservation),
        ("state", value.state.lower()),
        ("session", value.session_id),
        ("subscriber", value.subscriber_id),
        ("service", value.service_id),
        ("zone", value.zone),
        ("granted", quantity(value.granted_units, value.unit)),
        ("held", ", ".join(f"{one.bucket_id}: {one.quantity}" for one in value.held)),
        ("held in caps", ", ".join(in_caps)),
        ("held until", moment(value.expire_time)),
        ("known until", moment(value.forget_time)),
        *_prices(value.steps, value.unit),
        ("tariff", value.tariff_version),
    ]


@blocks_of.register
def _(result: GetReservationResult) -> list[Block]:
    rows = _reservation_fields(result.reservation)
    return [Fields([*rows, ("as of", moment(result.store_time))])]


@blocks_of.register
def _(result: ReservationPage) -> list[Block]:
    columns = ("reservation", "service", "subscriber", "granted", "held", "until")
    rows = [
        (
            one.reservation,
            one.service_id,
            one.subscriber_id,
            quantity(one.granted_units, one.unit),
            ", ".join(f"{held.bucket_id}: {held.quantity}" for held in one.held),
            moment(one.expire_time),
        )
        for one in result.reservations
    ]
    return [Listing(columns, rows), _next(result.next_page_token)]


@blocks_of.register
def _(result: GetRequestResult) -> list[Block]:
    rows = [
        ("outcome", result.outcome.value if result.outcome else ""),
        ("failed", result.reason),
        ("bucket", result.bucket_id),
    ]
    rows += charge_fields(result.charge) if result.charge else []
    rows += grant_fields(result.grant) if result.grant else []
    rows += [("known until", moment(result.expire_time))]
    return [Fields(rows + receipt(result.receipt))]


@blocks_of.register
def _(result: AccountPage) -> list[Block]:
    columns = ("account", "status", "currency", "plan", "segment", "credit limit", "created")
    rows = [
        (
            one.account_id,
            one.status.lower(),
            one.currency,
            one.plan,
            one.segment,
            decimal_of(one.credit_limit_micros),
            moment(one.create_time),
        )
        for one in result.accounts
    ]
    return [Listing(columns, rows), _next(result.next_page_token)]
