"""The rows of an export: their columns, and the SQL that they come from.

The names, types and order of the columns of a version never change; a change is another version.
docs/exports.md is made of these tables.
"""

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from ocs.domain.export import ExportKind

FORMAT_VERSION: Final = 1
"""Of all kinds; it stands in the first column of each row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. kind: what its cells are. sql: over `e`, an event, and what is joined to it."""

    name: str
    kind: Literal["text", "whole", "time", "flag"]
    sql: str
    meaning: str


_TYPES: Final = {
    "text": pa.string(),
    "whole": pa.int64(),
    "time": pa.timestamp("ms", "UTC"),
    "flag": pa.bool_(),
}
_EVENT: Final = "'tenants/' || e.tenant || '/accounts/' || e.account || '/events/' || "


def _text(name: str, sql: str, meaning: str) -> Column:
    return Column(name, "text", f"nullif({sql}, '')", meaning)


def _whole(name: str, sql: str, meaning: str) -> Column:
    return Column(name, "whole", f"({sql})::BIGINT", meaning)


def _flag(name: str, letter: str, meaning: str) -> Column:
    return Column(name, "flag", f"contains(e.flags, '{letter}')", meaning)


def _format(kind: ExportKind) -> Column:
    meaning = "Kind of row and version of its columns."
    return Column("format", "text", f"'{kind}/{FORMAT_VERSION}'", meaning)


_WHO: Final = (
    _text("event_id", f"{_EVENT} e.seq", "Name of the event, unique for ever."),
    _text("tenant", "e.tenant", "The tenant."),
    _text("account_id", "e.account", "Who pays."),
    _whole("account_seq", "e.seq", "Number of the event in its account, from 1 without gaps."),
    Column("store_time", "time", "e.store_ms", "When it entered the books; the range is of it."),
    Column("event_time", "time", "nullif(e.event_ms, 0)", "When the use happened."),
    _text("kind", "e.kind", "What happened, e.g. `COMMIT`: an EventKind without its prefix."),
)
_WHAT: Final = (
    _text("request_id", "e.request_id", "Of the request that did it."),
    _text("session_id", "e.session", "The gateway's charging session."),
    _text("subscriber_id", "e.subscriber", "The line."),
    _text("segment", "e.segment", "The account's business segment when it was charged."),
    _text("plan", "e.plan", "Its price plan, likewise."),
    _text("service_id", "e.service", "What was metered, or the bundle that was sold."),
    _text("zone", "e.zone", "Where the other end or the visited network is; none: home."),
)
_PRICE: Final = (
    _text("tariff_version", "e.tariff_version", "The tariff that priced it."),
    _text("price_id", "e.price_id", "The line of it; the first one of several."),
)
_USED: Final = "CASE WHEN e.corrects_seq > 0 THEN 0 ELSE e.used_units END"
_UNIT: Final = _text(
    "unit", "CASE WHEN e.corrects_seq > 0 THEN '' ELSE e.unit END", "What the units count."
)
_CARRIER: Final = _text("partner", "e.partner", "The carrier that delivered.")

CHARGES: Final = (
    _format(ExportKind.CHARGES),
    *_WHO,
    _text("outcome", "e.outcome", "The decision; of a commit, on the next grant."),
    *_WHAT,
    _CARRIER,
    *_PRICE,
    _text(
        "reservation_id",
        "CASE WHEN e.kind = 'COMMIT' THEN e.ref END",
        "The reservation that was committed.",
    ),
    _text(
        "refunded_event_id",
        f"CASE WHEN e.kind = 'REFUND' THEN {_EVENT} e.ref END",
        "The event that a refund gives back.",
    ),
    _text(
        "corrected_event_id",
        f"CASE WHEN e.corrects_seq > 0 THEN {_EVENT} e.corrects_seq END",
        "The event whose price a debit corrects.",
    ),
    _UNIT,
    _whole("used_units", _USED, "Used and reported, whoever paid."),
    _whole("uncollected_units", "e.uncollected_units", "Of those, paid by nobody."),
    _whole("uncosted_units", "e.uncosted_units", "Of those, with a wholesale price nobody knows."),
    _text("currency", "e.currency", "ISO 4217, of what follows up to `uncollected_micros`."),
    _whole("charged_micros", "e.charged_micros", "Collected, connect fee included."),
    _whole("connect_micros", "e.connect_micros", "The connect fee in it."),
    _whole("refunded_micros", "e.refunded_micros", "Given back to money buckets."),
    _whole("uncollected_micros", "e.uncollected_micros", "Rated, and paid by nobody."),
    _whole("cost_count", "coalesce(k.cost_count, 0)", "Rows of this event in the costs export."),
    _text("cost_partner", "k.partner", "The carrier that is owed, if it is one row."),
    _text("cost_currency", "k.currency", "ISO 4217, of `cost_micros`."),
    _whole("cost_micros", "k.micros", "Wholesale cost, if it is one row."),
    _text("actor", "e.actor", "Whose credential asked."),
    _flag("late", "l", "Reported after its reservation had expired."),
    _flag("final_grant", "f", "The grant that came with it was the last one."),
    _flag("sequence_gap", "g", "Reports of the session are missing before it."),
    _flag("out_of_order", "o", "A later report of the session came before it."),
)
COSTS: Final = (
    _format(ExportKind.COSTS),
    *_WHO,
    *_WHAT,
    *_PRICE,
    _UNIT,
    _whole("used_units", _USED, "Used in the whole event, all its rows together."),
    _whole("cost_count", "k.cost_count", "Rows of this event."),
    _text("partner", "c.partner", "The carrier that is owed."),
    _text("currency", "c.currency", "ISO 4217, of the agreement with the carrier."),
    _whole("cost_micros", "c.micros", "What the carrier is owed for the use."),
    _flag("late", "l", "Reported after its reservation had expired."),
)
_MONEY: Final = "b.unit = 'micros'"
BALANCES: Final = (
    _format(ExportKind.BALANCES),
    *_WHO,
    _text("outcome", "e.outcome", "The decision."),
    *_WHAT,
    _text("payment_reference", "e.payment_reference", "Of a top-up and its undoing."),
    _text("bucket_id", "b.bucket", "The bucket."),
    _text("unit", f"CASE WHEN {_MONEY} THEN '' ELSE b.unit END", "What its units count; not money"),
    _whole("before_units", f"CASE WHEN NOT {_MONEY} THEN b.before END", "Its units before."),
    _whole("change_units", f"CASE WHEN NOT {_MONEY} THEN b.after - b.before END", "What came in."),
    _whole("after_units", f"CASE WHEN NOT {_MONEY} THEN b.after END", "Its units after."),
    _text("currency", f"CASE WHEN {_MONEY} THEN b.currency END", "ISO 4217, of a money bucket."),
    _whole("before_micros", f"CASE WHEN {_MONEY} THEN b.before END", "Its money before."),
    _whole("change_micros", f"CASE WHEN {_MONEY} THEN b.after - b.before END", "What came in."),
    _whole("after_micros", f"CASE WHEN {_MONEY} THEN b.after END", "Its money after."),
    _text("actor", "e.actor", "Whose credential asked."),
)

COLUMNS: Final = {
    ExportKind.CHARGES: CHARGES,
    ExportKind.COSTS: COSTS,
    ExportKind.BALANCES: BALANCES,
}
SUMS: Final = {
    ExportKind.CHARGES: (
        "charged_micros",
        "connect_micros",
        "refunded_micros",
        "uncollected_micros",
    ),
    ExportKind.COSTS: ("cost_micros",),
    ExportKind.BALANCES: ("change_micros",),
}
"""Columns that totals have, by currency."""

_KEY: Final = "tenant, account, seq"
_RANGE: Final = (
    "store_ms >= $start_ms AND store_ms < $end_ms AND ($tenant = '' OR tenant = $tenant)"
)
# What moves nothing is no charge: decisions that refused, commits of nothing.
_CHARGING: Final = """
    kind IN ('COMMIT', 'DEBIT', 'REFUND', 'PURCHASE_BUNDLE', 'RENEW_BUNDLE')
    AND (used_units > 0 OR charged_micros > 0 OR refunded_micros > 0
        OR uncollected_units > 0 OR uncollected_micros > 0
        OR kind = 'REFUND' OR (kind IN ('PURCHASE_BUNDLE', 'RENEW_BUNDLE') AND outcome = 'CHARGED'))
"""
_COSTS: Final = f"""
    k AS (SELECT {_KEY}, count(*) AS cost_count,
        CASE WHEN count(*) = 1 THEN any_value(partner) END AS partner,
        CASE WHEN count(*) = 1 THEN any_value(currency) END AS currency,
        CASE WHEN count(*) = 1 THEN sum(micros) END AS micros
        FROM costs SEMI JOIN e USING ({_KEY}) GROUP BY ALL)
"""
# A bucket that is closed goes with what is left in it, which only its last change tells.
_MOVED: Final = f"""
    SELECT {_KEY}, bucket, balance_before AS before, balance_after AS after
    FROM bucket_changes WHERE {_RANGE} AND balance_before <> balance_after
    UNION ALL
    SELECT c.tenant, c.account, c.seq, c.bucket, x.balance_after, 0 FROM (
        SELECT {_KEY}, ref AS bucket FROM events WHERE {_RANGE} AND kind = 'BUCKET_CLOSED') c
    ASOF JOIN bucket_changes x ON c.tenant = x.tenant AND c.account = x.account
        AND c.bucket = x.bucket AND c.seq > x.seq
    WHERE x.balance_after <> 0
"""

COUNTS: Final = {
    ExportKind.CHARGES: f"SELECT count(*) FROM events WHERE {_RANGE} AND {_CHARGING}",
    ExportKind.COSTS: f"""
        SELECT count(*) FROM costs JOIN (SELECT {_KEY} FROM events WHERE {_RANGE}) USING ({_KEY})
    """,
    ExportKind.BALANCES: f"SELECT count(*) FROM ({_MOVED})",
}
"""How many rows a range has."""

_FROM: Final = {
    ExportKind.CHARGES: f"""
        WITH e AS MATERIALIZED (SELECT * FROM events WHERE {_RANGE} AND {_CHARGING}), {_COSTS}
        SELECT $columns FROM e LEFT JOIN k USING ({_KEY})
        ORDER BY e.store_ms, e.tenant, e.account, e.seq
    """,
    ExportKind.COSTS: f"""
        WITH e AS MATERIALIZED (SELECT * FROM events WHERE {_RANGE}), {_COSTS}
        SELECT $columns FROM costs c JOIN e USING ({_KEY}) JOIN k USING ({_KEY})
        ORDER BY e.store_ms, e.tenant, e.account, e.seq, c.partner, c.currency
    """,
    # A bucket is of the unit that the event which opened it last said.
    ExportKind.BALANCES: f"""
        WITH e AS MATERIALIZED (SELECT * FROM events WHERE {_RANGE}),
        b AS (
            SELECT m.tenant, m.account, m.seq, m.bucket, m.before, m.after,
                coalesce(t.unit, '') AS unit, a.currency
            FROM ({_MOVED}) m
            LEFT JOIN accounts a ON (m.tenant, m.account) = (a.tenant, a.account)
            ASOF LEFT JOIN bucket_terms t ON m.tenant = t.tenant AND m.account = t.account
                AND m.bucket = t.bucket AND m.seq >= t.seq)
        SELECT $columns FROM b JOIN e USING ({_KEY})
        ORDER BY e.store_ms, e.tenant, e.account, e.seq, b.bucket
    """,
}


def rows_sql(kind: ExportKind) -> str:
    """A query for the rows of a range, in their order; parameters start_ms, end_ms, tenant."""
    columns = ", ".join(f"{column.sql} AS {column.name}" for column in COLUMNS[kind])
    return _FROM[kind].replace("$columns", columns)


def schema_of(kind: ExportKind) -> pa.Schema:
    """The columns as Arrow has them; the meaning of each goes along."""
    return pa.schema(
        [
            pa.field(column.name, _TYPES[column.kind], metadata={"meaning": column.meaning})
            for column in COLUMNS[kind]
        ],
        metadata={"ocs.format": f"{kind}/{FORMAT_VERSION}"},
    )
