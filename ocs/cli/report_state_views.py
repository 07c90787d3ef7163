"""What is there now, timelines and results of SQL as a human reads them; registered with views."""

from ocs.cli.output import Block, Fields, Listing
from ocs.cli.parse import decimal_of
from ocs.cli.report_views import as_of_fields, blocks_of
from ocs.cli.views import holder, moment, quantity
from ocs.client.insights import (
    LimitPage,
    LimitRow,
    Money,
    PositionResult,
    QueryResult,
    TimelineEvent,
    TimelinePage,
)
from ocs.client.values import Outcome

__all__ = ["blocks_of"]

_PERMILLE_PER_PERCENT = 10


def _money(amounts: tuple[Money, ...]) -> str:
    return ", ".join(f"{decimal_of(one.micros)} {one.currency}" for one in amounts)


@blocks_of.register
def _(result: PositionResult) -> list[Block]:
    rows = [
        (
            row.segment or "-",
            "bundles" if row.of_bundles else "top-ups",
            quantity(row.balance, row.unit),
            row.currency,
            quantity(row.reserved, row.unit),
            decimal_of(row.owed) if row.owed else "",
            str(row.bucket_count),
        )
        for row in result.unused
    ]
    columns = ("segment", "of", "paid for, not used", "", "held of it", "owed", "buckets")
    return [
        as_of_fields(result.as_of, truncated=False),
        Fields(
            [
                ("open reservations", str(result.open_reservation_count)),
                ("they hold", _money(result.held)),
            ]
        ),
        Listing(columns, rows),
    ]


def _limit(row: LimitRow) -> tuple[str, ...]:
    return (
        f"{row.share_permille / _PERMILLE_PER_PERCENT:.1f} %",
        row.account_id,
        row.segment or "-",
        holder(row.holder),
        row.cap_id,
        quantity(row.spent, row.unit),
        quantity(row.limit, row.unit),
        row.currency,
        moment(row.reset_time) or "-",
    )


@blocks_of.register
def _(result: LimitPage) -> list[Block]:
    columns = ("spent", "account", "segment", "of", "cap", "so far", "limit", "", "starts again")
    return [
        as_of_fields(result.as_of, truncated=bool(result.next_page_token)),
        Listing(columns, [_limit(row) for row in result.limits]),
        Fields([("next page", result.next_page_token)]),
    ]


def _event(event: TimelineEvent) -> tuple[str, ...]:
    units = event.used_units or event.granted_units or event.requested_units
    money = event.charged_micros - event.refunded_micros + event.topped_up_micros
    shown = "unknown" if event.uncosted_units else _money(event.costs)
    known = event.outcome is not Outcome.UNSPECIFIED
    return (
        str(event.account_seq),
        moment(event.store_time),
        event.kind,
        event.outcome.value if known else "",
        event.about,
        event.service_id,
        event.zone,
        quantity(units, event.unit) if units else "",
        decimal_of(money) if money else "",
        decimal_of(event.uncollected_micros) if event.uncollected_micros else "",
        shown,
        ", ".join(f"{one.bucket_id} {one.balance_after}" for one in event.buckets),
    )


@blocks_of.register
def _(result: TimelinePage) -> list[Block]:
    columns = (
        "event", "time", "kind", "outcome", "about", "service", "zone", "units", "money",
        "uncollected", "cost", "balances after",
    )  # fmt: skip
    return [
        as_of_fields(result.as_of, truncated=False),
        Listing(columns, [_event(event) for event in result.events]),
        Fields([("next page", result.next_page_token)]),
    ]


@blocks_of.register
def _(result: QueryResult) -> list[Block]:
    rows = [["null" if cell is None else cell for cell in row] for row in result.rows]
    return [
        as_of_fields(result.as_of, truncated=result.truncated),
        Listing([column.name for column in result.columns], rows),
    ]
