"""Rerating as a human reads it; registered with views."""

from ocs.cli.bundle_views import blocks_of
from ocs.cli.output import Block, Fields, Listing
from ocs.cli.parse import decimal_of
from ocs.cli.rerate_results import Figures, Posted, RerateResult
from ocs.cli.views import moment

__all__ = ["blocks_of"]

_COLUMNS = ("events", "differing", "not ratable", "old", "new", "difference")


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        str(figures.events),
        str(figures.differing),
        str(sum(figures.not_ratable.values())),
        decimal_of(figures.old_micros),
        decimal_of(figures.new_micros),
        decimal_of(figures.difference_micros),
    )


def _posted(posted: Posted) -> list[tuple[str, str]]:
    refused = ", ".join(f"{reason}: {count}" for reason, count in posted.refused.items())
    uncollected = decimal_of(posted.uncollected_micros)
    return [
        ("refunded", f"{posted.refunds} times, {decimal_of(posted.refunded_micros)}"),
        ("debited", f"{posted.debits} times, {decimal_of(posted.debited_micros)}"),
        ("uncollected", uncollected if posted.uncollected_micros else ""),
        ("made meanwhile", str(posted.made_meanwhile or "")),
        ("refused", refused),
    ]


@blocks_of.register
def _(result: RerateResult) -> list[Block]:
    total = result.total
    unpriced = ", ".join(f"{reason}: {count}" for reason, count in total.not_ratable.items())
    rows = [
        ("tariff", result.tariff_version),
        ("use from", moment(result.from_time)),
        ("to", moment(result.to_time)),
        ("currency", result.currency),
        ("events", f"{total.events}, {total.differing} differing"),
        ("not ratable", unpriced),
        ("old", decimal_of(total.old_micros)),
        ("new", decimal_of(total.new_micros)),
        ("difference", decimal_of(total.difference_micros)),
        ("to debit", decimal_of(total.to_debit_micros)),
        ("to refund", decimal_of(total.to_refund_micros)),
        ("corrected before", decimal_of(total.corrected_micros)),
    ]
    accounts = [
        (one.account_id, *_cells(one.figures))
        for one in result.accounts
        if one.figures.differing or one.figures.not_ratable
    ]
    services = [(one.plan, one.service_id, *_cells(one.figures)) for one in result.services]
    posted = result.posted
    rows += _posted(posted) if posted is not None else [("posted", "nothing: no --apply")]
    return [
        Listing(("account", *_COLUMNS), accounts),
        Listing(("plan", "service", *_COLUMNS), services),
        Fields(rows),
    ]
