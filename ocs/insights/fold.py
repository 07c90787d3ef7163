"""Folds a batch of the journal into the tables: statements that run in this order, all or none.

The batch is in the tables of a ReadBatch, by their names. A statement is left out if no event of
its kinds is in the batch.

size: one fold, in the one order in which its statements may run.
"""

from typing import Final, NamedTuple

from ocs.domain.charging_event import EventKind
from ocs.insights.line import each
from ocs.insights.minutes import add_up, sums
from ocs.limits import QUANTITY_MAX

_K = EventKind
_CHARGES: Final = frozenset({_K.COMMIT, _K.DEBIT})
_SALES: Final = frozenset({_K.PURCHASE_BUNDLE, _K.RENEW_BUNDLE})
_STATUS: Final = {
    _K.SUSPEND_ACCOUNT: "suspended",
    _K.RESUME_ACCOUNT: "active",
    _K.CLOSE_ACCOUNT: "closed",
}
_CREDITS: Final = frozenset({_K.TOP_UP, _K.REVERSE_TOP_UP})
_HOLDING: Final = frozenset({_K.RESERVE, _K.COMMIT, _K.RELEASE, _K.EXPIRE})
_KEY: Final = "tenant, account, seq"


class Statement(NamedTuple):
    """SQL, and the kinds of events one of which must be there; empty: always.

    makes: the temporary table that it fills anew; empty without such events. view: what reads the
    batch under this name, whichever it is.
    """

    sql: str
    kinds: frozenset[EventKind] = frozenset()
    makes: str = ""
    view: str = ""


def _made(name: str, query: str, *kinds: EventKind) -> Statement:
    return Statement(query, frozenset(kinds), name)


def _in(kinds: frozenset[EventKind]) -> str:
    return ", ".join(f"'{kind}'" for kind in sorted(kinds))


TARIFFS_WANTED: Final = """
    SELECT DISTINCT tenant, version FROM (
        SELECT tenant, tariff_version AS version FROM fresh
        UNION SELECT tenant, version FROM incoming_pieces JOIN fresh USING (n))
        ANTI JOIN tariffs USING (tenant, version)
    WHERE version <> ''
"""
"""What prices something in the batch, and is not kept yet."""

_PARTS: Final = (
    Statement(f"INSERT INTO payments SELECT {_KEY}, bucket, units, micros FROM fresh_payments"),
    Statement("INSERT INTO bucket_changes SELECT * EXCLUDE n FROM fresh_buckets"),
    Statement("INSERT INTO cap_changes SELECT * EXCLUDE n FROM fresh_counters"),
    Statement(
        f"""
        INSERT INTO refund_lines
        SELECT {_KEY}, f[1], CASE f[2] WHEN '-' THEN '' ELSE f[2] END, f[3]::BIGINT
        FROM ({each("j")})
        """,
        frozenset({_K.REFUND}),
    ),
    Statement(
        f"""
        INSERT INTO bucket_terms
        SELECT {_KEY}, ref, f[1], f[2]::INTEGER, f[3]::BIGINT, f[4]::BIGINT, kind, ref
        FROM ({each("t", _KEY + ", ref, kind")})
        """,
        frozenset({_K.TOP_UP}),
    ),
    Statement(
        f"""
        INSERT INTO bucket_terms
        SELECT {_KEY}, f[1], f[5], f[6]::INTEGER, f[7]::BIGINT, f[8]::BIGINT, kind, ref
        FROM ({each("v", _KEY + ", ref, kind")})
        """,
        _SALES,
    ),
    Statement(
        f"""
        INSERT INTO bucket_terms
        SELECT {_KEY}, 'main', 'micros', 1000, 0, 0, kind, '' FROM fresh
        WHERE kind = 'CREATE_ACCOUNT'
        """,
        frozenset({_K.CREATE_ACCOUNT}),
    ),
    Statement(
        f"""
        INSERT INTO cap_terms
        SELECT {_KEY}, f[1], f[2], f[3], f[4]::BIGINT, f[5], CASE f[6] WHEN '-' THEN '' ELSE f[6]
            END, CASE f[7] WHEN '-' THEN '' ELSE f[7] END, kind = 'DELETE_SPENDING_CAP'
        FROM ({each("q", _KEY + ", kind")})
        """,
        frozenset({_K.SET_SPENDING_CAP, _K.DELETE_SPENDING_CAP}),
    ),
    Statement(
        # A line that goes takes its caps along: all of its holder's, whatever their ids.
        f"""
        INSERT INTO cap_terms
        SELECT {_KEY}, 'subscriber/' || ref, '', '', 0, '', '', '', true FROM fresh
        WHERE kind = 'REMOVE_SUBSCRIBER'
        """,
        frozenset({_K.REMOVE_SUBSCRIBER}),
    ),
    Statement(
        f"""
        INSERT INTO account_terms
        SELECT {_KEY}, segment, plan, f[1], time_zone, f[2]::INTEGER, f[3]::BIGINT, 'active'
        FROM ({each("a", _KEY + ", segment, plan, time_zone")})
        """,
        frozenset({_K.CREATE_ACCOUNT}),
    ),
    Statement(
        f"""
        INSERT INTO account_terms
        SELECT {_KEY}, segment, plan, NULL, NULL, NULL, f[2]::BIGINT, NULL
        FROM ({each("w", _KEY + ", segment, plan")})
        """,
        frozenset({_K.UPDATE_ACCOUNT}),
    ),
    *(
        Statement(
            f"""
            INSERT INTO account_terms
            SELECT {_KEY}, NULL, NULL, NULL, NULL, NULL, NULL, '{status}' FROM fresh
            WHERE kind = '{kind}'
            """,
            frozenset({kind}),
        )
        for kind, status in _STATUS.items()
    ),
)


def _cost_at(units: str, step: str) -> str:
    """What a price costs at a position: as `Rate.cost` of the end of the increment it is in."""
    increment = f"{step}.increment"
    end = f"{units} + ({increment} - ({units} - {step}.start_units) % {increment}) % {increment}"
    parts = f"({step}.rest::HUGEINT + ({end} - {step}.start_units)::HUGEINT * {step}.num)"
    return f"{step}.base + (2 * {parts} + {step}.den) // (2 * {step}.den::HUGEINT)"


# Use, and what a carrier is owed for it. `fresh_pieces` has the use by price where a report had
# several; a correction's units are micro-units, not use.
_COST: Final = (
    _made(
        "fresh_use",
        f"""
        SELECT n, {_KEY}, position_before AS start_at, position_before + used_units AS end_at,
            tariff_version AS version, price_id
        FROM fresh
        WHERE kind IN ({_in(_CHARGES)}) AND charged AND used_units > 0 AND corrects_seq = 0
            AND n NOT IN (SELECT n FROM incoming_pieces)
        UNION ALL
        SELECT n, {_KEY}, position_before + p.start_at, position_before + p.end_at, p.version,
            p.price_id
        FROM incoming_pieces p JOIN fresh USING (n)
        WHERE charged AND p.end_at > p.start_at
        """,
    ),
    _made(
        "fresh_costs",
        f"""
        WITH reached AS (
            SELECT u.*, low.partner, low.currency, {_cost_at("end_at", "high")} AS high_micros,
                {_cost_at("start_at", "low")} AS low_micros
            FROM fresh_use u
            LEFT JOIN wholesale low ON (u.tenant, u.version, u.price_id)
                = (low.tenant, low.version, low.price_id)
                AND u.start_at >= low.start_units AND u.start_at < low.end_units
            LEFT JOIN wholesale high ON (u.tenant, u.version, u.price_id)
                = (high.tenant, high.version, high.price_id)
                AND u.end_at >= high.start_units AND u.end_at < high.end_units),
        priced AS (
            SELECT *, coalesce(high_micros <= {QUANTITY_MAX}, false) AS known FROM reached)
        SELECT n, {_KEY}, CASE WHEN known THEN partner END AS partner,
            CASE WHEN known THEN currency END AS currency, known,
            sum(CASE WHEN known THEN high_micros - low_micros END)::BIGINT AS micros,
            sum(end_at - start_at)::BIGINT AS units
        FROM priced GROUP BY ALL
        """,
    ),
    Statement(
        f"INSERT INTO costs SELECT {_KEY}, partner, currency, micros FROM fresh_costs WHERE known"
    ),
)

# A bundle is paid for as a service of its own.
_SOLD_AS: Final = f"CASE WHEN kind IN ({_in(_SALES)}) THEN ref ELSE service_id END"

_EVENTS: Final = (
    # Money that moved by its reference alone: what a bucket holds is said where it was opened.
    _made(
        "fresh_credits",
        """
        SELECT b.tenant, b.account, b.seq, sum(b.balance_after - b.balance_before)::BIGINT AS micros
        FROM fresh_buckets b JOIN fresh e USING (tenant, account, seq)
        ASOF LEFT JOIN bucket_terms t ON b.tenant = t.tenant AND b.account = t.account
            AND b.bucket = t.bucket AND b.seq >= t.seq
        WHERE e.kind IN ('TOP_UP', 'REVERSE_TOP_UP') AND t.unit = 'micros' AND b.bucket = e.ref
        GROUP BY ALL
        """,
        *_CREDITS,
    ),
    _made(
        "fresh_refunds",
        """
        WITH mine AS (
            SELECT r.* FROM refund_lines r JOIN fresh e USING (tenant, account, seq)
            WHERE e.kind = 'REFUND')
        SELECT m.tenant, m.account, m.seq, sum(m.quantity)::BIGINT AS micros
        FROM mine m
        ASOF LEFT JOIN bucket_terms t ON m.tenant = t.tenant AND m.account = t.account
            AND m.to_bucket = t.bucket AND m.seq >= t.seq
        WHERE t.unit = 'micros' GROUP BY ALL
        """,
        _K.REFUND,
    ),
    # A refund is of the segment, service and carrier of the charge that it gives back.
    _made(
        "fresh_refunded",
        f"""
        WITH asked AS (
            SELECT tenant, account, ref::BIGINT AS charge_seq, seq FROM fresh WHERE kind = 'REFUND')
        SELECT a.tenant, a.account, a.seq, c.* EXCLUDE (tenant, account, seq) FROM asked a JOIN (
            SELECT {_KEY}, segment, plan, service, zone, partner FROM events
            UNION ALL
            SELECT {_KEY}, segment, plan, {_SOLD_AS}, zone, partner FROM fresh
        ) c ON (a.tenant, a.account, a.charge_seq) = (c.tenant, c.account, c.seq)
        """,
        _K.REFUND,
    ),
    # A view, for each of its readers wants only some of the columns.
    Statement(
        f"""
        SELECT e.tenant, e.account, e.seq, part, entry_ms, entry_no, store_ms,
            event_time_ms AS event_ms, kind, outcome, ref, request_id, session_id AS session,
            subscriber_id AS subscriber, coalesce(g.segment, e.segment) AS segment,
            coalesce(g.plan, e.plan) AS plan,
            coalesce(g.service, {_SOLD_AS}) AS service,
            coalesce(g.zone, e.zone) AS zone, coalesce(g.partner, e.partner) AS partner,
            e.currency, tariff_version, price_id, actor, payment_reference, corrects_seq,
            CASE WHEN corrects_seq > 0 THEN 'micros' ELSE coalesce(m.unit, '') END AS unit,
            requested_units, granted_units, used_units,
            coalesce(p.micros, 0) AS charged_micros, coalesce(r.micros, 0) AS refunded_micros,
            coalesce(t.micros, 0) AS topped_up_micros, connect_micros, uncollected_units,
            uncollected_micros, coalesce(u.units, 0) AS uncosted_units,
            (CASE WHEN kind NOT IN ({_in(_HOLDING)}) THEN 0
                WHEN kind = 'RESERVE' OR contains(flags, 'l') THEN holds::TINYINT
                ELSE holds::TINYINT - 1 END)::TINYINT AS opened_holds,
            flags, successor, digest
        FROM fresh e
        LEFT JOIN metered m ON (e.tenant, e.tariff_version, e.service_id)
            = (m.tenant, m.version, m.service)
        LEFT JOIN (SELECT n, sum(micros)::BIGINT AS micros FROM fresh_payments GROUP BY n) p
            USING (n)
        LEFT JOIN fresh_refunds r ON (e.tenant, e.account, e.seq) = (r.tenant, r.account, r.seq)
        LEFT JOIN fresh_credits t ON (e.tenant, e.account, e.seq) = (t.tenant, t.account, t.seq)
        LEFT JOIN fresh_refunded g ON (e.tenant, e.account, e.seq) = (g.tenant, g.account, g.seq)
        LEFT JOIN (SELECT n, sum(units)::BIGINT AS units FROM fresh_costs WHERE NOT known
            GROUP BY n) u USING (n)
        """,
        view="fresh_events",
    ),
    Statement("INSERT INTO events FROM fresh_events"),
)


# What has a cost is no refund and no sale: it says for itself what it is of.
_COSTED: Final = "(SELECT *, service_id AS service FROM fresh)"

STATEMENTS: Final = (
    *_PARTS,
    *_COST,
    *_EVENTS,
    _made("fresh_sums", sums("fresh_events")),
    *map(Statement, add_up("fresh_sums", _COSTED, "(FROM fresh_costs WHERE known)")),
)
