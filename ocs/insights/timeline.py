"""What happened to an account."""

from typing import Final

from ocs.domain.insights import (
    GRANTED,
    AsOf,
    Events,
    EventsAsked,
    Money,
    Timeline,
    TimelineBucket,
    TimelineEvent,
)
from ocs.insights.question import Question, restriction

_FIELDS: Final = {
    "seq": "seq",
    "store_ms": "store_ms",
    "event_ms": "event_ms",
    "kind": "kind",
    "outcome": "outcome",
    "about": "ref",
    "subscriber_id": "subscriber",
    "service_id": "service",
    "zone": "zone",
    "unit": "unit",
    "requested_units": "requested_units",
    "granted_units": "granted_units",
    "used_units": "used_units",
    "currency": "currency",
    "charged_micros": "charged_micros",
    "refunded_micros": "refunded_micros",
    "topped_up_micros": "topped_up_micros",
    "uncollected_micros": "uncollected_micros",
    "uncosted_units": "uncosted_units",
    "tariff_version": "tariff_version",
    "price_id": "price_id",
}
_SEQS: Final = "tenant = $tenant AND account = $account AND seq BETWEEN $first AND $last"


def events(question: Question, asked: EventsAsked, as_of: AsOf) -> Events:
    """Read a page of those of all accounts; without costs and buckets."""
    where, parameters = restriction(asked.figures)
    if asked.kind:
        where += " AND kind = $kind"
        parameters["kind"] = asked.kind
    if asked.outcome:
        where += " AND outcome = $outcome"
        parameters["outcome"] = asked.outcome
    if asked.refused:
        where += f" AND outcome <> '' AND outcome NOT IN {tuple(sorted(GRANTED))}"
    if asked.uncollected:
        where += " AND (uncollected_micros > 0 OR uncollected_units > 0)"
    rows = question.rows(
        f"SELECT tenant, account, {', '.join(_FIELDS.values())} FROM events"
        f" WHERE store_ms >= $start_ms AND store_ms < $end_ms AND {where}"
        " ORDER BY store_ms DESC, tenant, account, seq DESC LIMIT $count OFFSET $offset",
        {
            **parameters,
            "start_ms": asked.figures.start_ms,
            "end_ms": asked.figures.end_ms,
            "count": asked.count + 1,
            "offset": asked.offset,
        },
    )
    found = tuple(
        TimelineEvent(
            tenant=tenant,
            account_id=account_id,
            costs=(),
            buckets=(),
            **dict(zip(_FIELDS, row, strict=True)),
        )
        for tenant, account_id, *row in rows[: asked.count]
    )
    return Events(as_of, found, asked.offset + asked.count if len(rows) > asked.count else 0)


def timeline(
    question: Question, place: tuple[str, str], before_seq: int, count: int, as_of: AsOf
) -> Timeline:
    """Read a page of an account, named by tenant and id."""
    tenant, account_id = place
    rows = question.rows(
        f"SELECT {', '.join(_FIELDS.values())} FROM events WHERE tenant = $tenant"
        " AND account = $account AND ($before = 0 OR seq < $before) ORDER BY seq DESC LIMIT $count",
        {"tenant": tenant, "account": account_id, "before": before_seq, "count": count + 1},
    )
    page = rows[:count]
    if not page:
        return Timeline(as_of, (), 0)
    asked = {"tenant": tenant, "account": account_id, "first": page[-1][0], "last": page[0][0]}
    costs: dict[int, list[Money]] = {}
    for seq, *money in question.rows(
        f"SELECT seq, currency, sum(micros)::BIGINT FROM costs WHERE {_SEQS} GROUP BY ALL"
        " ORDER BY ALL",
        asked,
    ):
        costs.setdefault(seq, []).append(Money(*money))
    buckets: dict[int, list[TimelineBucket]] = {}
    for seq, *change in question.rows(
        "SELECT seq, bucket, balance_before, balance_after, reserved_after FROM bucket_changes"
        f" WHERE {_SEQS} ORDER BY ALL",
        asked,
    ):
        buckets.setdefault(seq, []).append(TimelineBucket(*change))
    events = tuple(
        TimelineEvent(
            tenant=tenant,
            account_id=account_id,
            costs=tuple(costs.get(row[0], ())),
            buckets=tuple(buckets.get(row[0], ())),
            **dict(zip(_FIELDS, row, strict=True)),
        )
        for row in page
    )
    return Timeline(as_of, events, page[-1][0] if len(rows) > count else 0)
