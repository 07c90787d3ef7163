"""Answers as a human reads them. Money is shown in units of its currency, exactly."""

from datetime import datetime
from functools import singledispatch

from ocs.cli.output import Block, Fields, Listing
from ocs.cli.parse import decimal_of
from ocs.client import (
    AddSubscriberResult,
    CapHolder,
    CapReached,
    Charge,
    ChargingEvent,
    ChargingEventPage,
    CommitResult,
    CorrectChargeResult,
    CorrectionResult,
    CreateAccountResult,
    DebitResult,
    GetAccountResult,
    GrantResult,
    HealthResult,
    ListSpendingCapsResult,
    LookupSubscriberResult,
    Receipt,
    ReceiptResult,
    RefundResult,
    ReleaseResult,
    ReverseTopUpResult,
    SetSpendingCapResult,
    SpendingCap,
    TopUpResult,
    Unit,
    UpdateAccountResult,
)
from ocs.client.results import Account


def moment(value: datetime | None) -> str:
    """A time in UTC to the second, or nothing."""
    return "" if value is None else value.isoformat(timespec="seconds").replace("+00:00", "Z")


def quantity(value: int, unit: Unit | None) -> str:
    """A figure with what it counts."""
    if unit is Unit.MICROS:
        return decimal_of(value)
    return f"{value} {unit.lower()}" if unit else str(value)


def holder(value: CapHolder | None) -> str:
    """Whom a cap binds."""
    if value is None:
        return "account"
    if value.subscriber_id is not None:
        return f"subscriber {value.subscriber_id}"
    return f"group {value.group_id}"


def receipt(value: Receipt) -> list[tuple[str, str]]:
    """Where in the journal, and whether it is an earlier answer."""
    return [
        ("journal", f"event {value.account_seq}"),
        ("replayed", "this is the answer of an earlier attempt" if value.replayed else ""),
    ]


def cap_reached(value: CapReached | None) -> list[tuple[str, str]]:
    """Which cap refused or cut."""
    if value is None:
        return []
    left = quantity(value.remaining, value.unit)
    reset = f", starts again {moment(value.reset_time)}" if value.reset_time else ""
    return [("cap", f"{value.cap_id} of {holder(value.holder)}: {left} left{reset}")]


def grant_fields(value: GrantResult) -> list[tuple[str, str]]:
    """A decision on units."""
    rows = [("outcome", value.outcome.value), ("reservation", value.reservation)]
    if value.granted:
        action = f", then {value.final_unit_action.lower()}" if value.final_unit_action else ""
        rows += [
            ("granted", quantity(value.granted_units, value.unit)),
            ("held", decimal_of(value.reserved_micros)),
            ("report by", f"{moment(value.validity_time)} or after {value.report_at_units}"),
            ("held until", moment(value.expire_time)),
            ("price changes", moment(value.tariff_change_time)),
            ("final grant", f"these are the last units{action}" if value.final_grant else ""),
        ]
    return rows + cap_reached(value.cap)


def charge_fields(value: Charge) -> list[tuple[str, str]]:
    """What was settled."""
    uncollected = f"{value.uncollected_units} for {decimal_of(value.uncollected_micros)}"
    marks = [
        name
        for name, marked in (
            ("late", value.late),
            ("sequence gap", value.sequence_gap),
            ("out of order", value.out_of_order),
        )
        if marked
    ]
    return [
        ("charged", f"{value.charged_units} for {decimal_of(value.charged_micros)}"),
        ("uncollected", uncollected if value.uncollected_micros else ""),
        (
            "paid by",
            ", ".join(
                f"{line.bucket_id}: {decimal_of(line.micros) if line.micros else line.units}"
                for line in value.lines
            ),
        ),
        ("marks", ", ".join(marks)),
        ("event", value.event),
    ]


def cap_period(cap: SpendingCap) -> str:
    """How often a cap starts again, or its window: `1 day, 0:00:00 in 24 slots`."""
    if cap.window is not None:
        return f"{cap.window} in {cap.window_slots} slots"
    return cap.period.lower() if cap.period else ""


def cap_listing(caps: tuple[SpendingCap, ...]) -> Listing:
    """Caps and where they stand."""
    return Listing(
        ("cap", "holder", "counts", "period", "limit", "spent", "reserved", "left", "resets"),
        [
            (
                cap.cap_id,
                holder(cap.holder),
                cap.service_id or cap.zone or "everything",
                cap_period(cap),
                quantity(
                    cap.limit_micros if cap.limit_micros is not None else cap.limit_units or 0,
                    cap.unit,
                ),
                quantity(cap.spent, cap.unit),
                quantity(cap.reserved, cap.unit),
                quantity(cap.remaining, cap.unit),
                moment(cap.reset_time),
            )
            for cap in caps
        ],
    )


def account_blocks(account: Account) -> list[Block]:
    """An account."""
    blocks: list[Block] = [
        Fields(
            [
                ("account", account.account_id),
                ("status", account.status.lower()),
                ("currency", account.currency),
                ("plan", account.plan),
                ("segment", account.segment),
                ("time zone", account.time_zone),
                ("billing day", str(account.billing_anchor_day)),
                ("credit limit", decimal_of(account.credit_limit_micros)),
                ("subscribers", ", ".join(account.subscriber_ids)),
                ("journal", f"event {account.account_seq}"),
                ("etag", account.etag),
            ]
        ),
        Listing(
            ("bucket", "balance", "reserved", "available", "priority", "for", "expires"),
            [
                (
                    bucket.bucket_id,
                    quantity(bucket.balance, bucket.unit),
                    quantity(bucket.reserved, bucket.unit),
                    quantity(bucket.available, bucket.unit),
                    str(bucket.priority),
                    ", ".join((*bucket.service_ids, *bucket.zones)) or "everything",
                    moment(bucket.expire_time),
                )
                for bucket in account.buckets
            ],
        ),
    ]
    if account.caps:
        blocks.append(cap_listing(account.caps))
    if account.open_reservations:
        rows = [
            (
                one.reservation,
                ", ".join(f"{held.bucket_id}: {held.quantity}" for held in one.held),
                moment(one.expire_time),
            )
            for one in account.open_reservations
        ]
        blocks.append(Listing(("open reservation", "held", "until"), rows))
    return blocks


def event_row(event: ChargingEvent) -> tuple[str, ...]:
    """A journal record on one line."""
    collected = sum(line.micros for line in event.charges)
    return (
        str(event.account_seq),
        moment(event.store_time),
        event.kind.lower(),
        event.outcome.lower() if event.outcome else "",
        event.context.service_id,
        str(event.used_units or ""),
        str(event.granted_units or ""),
        decimal_of(collected) if event.charges else "",
        str(event.uncollected_units or ""),
        priced_by(event),
        ", ".join(event.flags),
    )


def priced_by(event: ChargingEvent) -> str:
    """The lines of the price book that rated a charge, each with its steps: `voice/home 1-2`."""
    names = [piece.price_id for piece in event.context.pieces] or [event.context.price_id]
    told = []
    for name, (first, last) in zip(names, ((s.first, s.last) for s in event.steps), strict=False):
        told.append(f"{name} {first}" if first == last else f"{name} {first}-{last}")
    return ", ".join(told)


@singledispatch
def blocks_of(result: object) -> list[Block]:
    """An answer as blocks of text."""
    raise TypeError(f"no view of {type(result).__name__}")


@blocks_of.register
def _(result: GrantResult) -> list[Block]:
    return [Fields(grant_fields(result) + receipt(result.receipt))]


@blocks_of.register
def _(result: CommitResult) -> list[Block]:
    rows = charge_fields(result.charge)
    if result.grant is not None:
        rows += [(f"next {name}", value) for name, value in grant_fields(result.grant)]
    return [Fields(rows + receipt(result.receipt))]


@blocks_of.register
def _(result: ReleaseResult) -> list[Block]:
    rows = [
        ("outcome", result.outcome.value),
        ("released", decimal_of(result.released_micros)),
    ]
    return [Fields(rows + receipt(result.receipt))]


@blocks_of.register
def _(result: RefundResult) -> list[Block]:
    rows = [("refunded", decimal_of(result.refunded_micros)), ("event", result.event)]
    listing = Listing(
        ("paid by", "goes to", "quantity"),
        [
            (line.bucket_id, line.to_bucket_id or "nobody: lapsed", str(line.quantity))
            for line in result.lines
        ],
    )
    return [listing, Fields(rows + receipt(result.receipt))]


@blocks_of.register
def _(result: CorrectChargeResult) -> list[Block]:
    return [Fields(charge_fields(result.charge) + receipt(result.receipt))]


@blocks_of.register
def _(result: DebitResult) -> list[Block]:
    rows = [("outcome", result.outcome.value)]
    if result.charged:
        rows += charge_fields(result.charge)
    return [Fields(rows + cap_reached(result.cap) + receipt(result.receipt))]


@blocks_of.register
def _(result: CreateAccountResult) -> list[Block]:
    return [*account_blocks(result.account), Fields(receipt(result.receipt))]


@blocks_of.register
def _(result: UpdateAccountResult) -> list[Block]:
    return [*account_blocks(result.account), Fields(receipt(result.receipt))]


@blocks_of.register
def _(result: ReceiptResult) -> list[Block]:
    return [Fields(receipt(result.receipt))]


@blocks_of.register
def _(result: GetAccountResult) -> list[Block]:
    return [*account_blocks(result.account), Fields([("as of", moment(result.store_time))])]


@blocks_of.register
def _(result: AddSubscriberResult) -> list[Block]:
    return [Fields([("subscriber", result.subscriber_id), *receipt(result.receipt)])]


@blocks_of.register
def _(result: LookupSubscriberResult) -> list[Block]:
    return [Fields([("account", result.account_id), ("subscriber", result.subscriber_id)])]


@blocks_of.register
def _(result: TopUpResult) -> list[Block]:
    rows = [
        ("bucket", result.bucket_id),
        ("balance", quantity(result.balance, result.unit)),
        ("available", quantity(result.available, result.unit)),
    ]
    return [Fields(rows + receipt(result.receipt))]


@blocks_of.register
def _(result: CorrectionResult) -> list[Block]:
    rows = [
        ("bucket", result.bucket_id),
        ("balance", quantity(result.balance, result.unit)),
        ("available", quantity(result.available, result.unit)),
    ]
    return [Fields(rows + receipt(result.receipt))]


@blocks_of.register
def _(result: ReverseTopUpResult) -> list[Block]:
    rows = [
        ("bucket", result.bucket_id),
        ("taken back", str(result.reversed_quantity)),
        ("balance", str(result.balance)),
    ]
    return [Fields(rows + receipt(result.receipt))]


@blocks_of.register
def _(result: SetSpendingCapResult) -> list[Block]:
    return [cap_listing((result.cap,)), Fields(receipt(result.receipt))]


@blocks_of.register
def _(result: ListSpendingCapsResult) -> list[Block]:
    return [cap_listing(result.caps), Fields([("as of", moment(result.store_time))])]


@blocks_of.register
def _(result: ChargingEventPage) -> list[Block]:
    columns = (
        "seq", "time", "kind", "outcome", "service",
        "used", "granted", "collected", "uncollected", "price, step", "marks",
    )  # fmt: skip
    return [
        Listing(columns, [event_row(event) for event in result.events]),
        Fields(
            [("more", f"--page-token {result.next_page_token}" if result.next_page_token else "")]
        ),
    ]


@blocks_of.register
def _(result: HealthResult) -> list[Block]:
    return [Fields([("service", result.service), ("status", result.status.value)])]
