"""What there is now: the last figures of buckets and counters, terms of caps and accounts.

Each statement folds one batch into a table of current state; `restore` makes the state of some
accounts anew from the history, when some of that was taken back.
"""

from typing import Final

from ocs.domain.charging_event import EventKind
from ocs.insights.fold import Statement

_K = EventKind
_CAP_TERMS: Final = frozenset({_K.SET_SPENDING_CAP, _K.DELETE_SPENDING_CAP, _K.REMOVE_SUBSCRIBER})
_OPENING: Final = frozenset({_K.CREATE_ACCOUNT, _K.TOP_UP, _K.PURCHASE_BUNDLE, _K.RENEW_BUNDLE})
_ACCOUNT_TERMS: Final = frozenset(
    {
        _K.CREATE_ACCOUNT,
        _K.UPDATE_ACCOUNT,
        _K.SUSPEND_ACCOUNT,
        _K.RESUME_ACCOUNT,
        _K.CLOSE_ACCOUNT,
    }
)
_OF_CAP: Final = "(s.tenant, s.account, s.holder) = (x.tenant, x.account, x.holder)"


def _accounts(terms: str) -> str:
    """The last word on each term, of all that was said."""
    columns = ("segment", "plan", "currency", "time_zone", "anchor_day", "credit_limit", "status")
    last = ", ".join(f"arg_max({name}, seq) FILTER ({name} IS NOT NULL)" for name in columns)
    return f"SELECT tenant, account, {last} FROM {terms} GROUP BY tenant, account"


_ACCOUNT_UPDATES: Final = ", ".join(
    f"{name} = coalesce(excluded.{name}, accounts.{name})"
    for name in ("segment", "plan", "currency", "time_zone", "anchor_day", "credit_limit", "status")
)

STATEMENTS: Final = (
    Statement(
        f"""
        INSERT INTO accounts
        {_accounts("(SELECT t.* FROM account_terms t JOIN fresh USING (tenant, account, seq))")}
        ON CONFLICT DO UPDATE SET {_ACCOUNT_UPDATES}
        """,
        _ACCOUNT_TERMS,
    ),
    Statement(
        # A bucket may be opened, closed and opened anew in one batch.
        """
        INSERT INTO buckets
        SELECT t.tenant, t.account, t.bucket, arg_max(t.unit, t.seq), 0, 0,
            arg_max(t.expire_ms, t.seq), arg_max(t.opened_by, t.seq), max(t.seq)
        FROM bucket_terms t JOIN fresh USING (tenant, account, seq)
        GROUP BY ALL
        ON CONFLICT DO UPDATE SET unit = excluded.unit, expire_ms = excluded.expire_ms,
            opened_by = excluded.opened_by, balance = 0, reserved = 0, seq = excluded.seq
        """,
        _OPENING,
    ),
    Statement(
        """
        INSERT INTO buckets
        SELECT tenant, account, bucket, '', arg_max(balance_after, seq),
            arg_max(reserved_after, seq), 0, '', max(seq)
        FROM fresh_buckets GROUP BY ALL
        ON CONFLICT DO UPDATE SET balance = excluded.balance, reserved = excluded.reserved,
            seq = excluded.seq
        """
    ),
    Statement(
        """
        DELETE FROM buckets s USING fresh x
        WHERE x.kind = 'BUCKET_CLOSED' AND (s.tenant, s.account, s.bucket)
            = (x.tenant, x.account, x.ref) AND s.seq < x.seq
        """,
        frozenset({_K.BUCKET_CLOSED}),
    ),
    Statement(
        """
        INSERT INTO cap_counters
        SELECT tenant, account, holder, cap, period_start_ms, arg_max(spent, seq),
            arg_max(reserved, seq), max(seq)
        FROM fresh_counters GROUP BY ALL
        ON CONFLICT DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved,
            seq = excluded.seq
        """
    ),
    Statement(
        # A cap that was set again after it was removed is another one, and begins at nothing.
        f"""
        DELETE FROM cap_counters s USING (
            SELECT t.* FROM cap_terms t JOIN fresh USING (tenant, account, seq) WHERE removed) x
        WHERE {_OF_CAP} AND x.cap IN ('', s.cap) AND s.seq < x.seq
        """,
        _CAP_TERMS,
    ),
    Statement(
        """
        INSERT INTO caps
        SELECT t.tenant, t.account, t.holder, t.cap, arg_max(t.unit, t.seq),
            arg_max(t.cap_limit, t.seq), arg_max(t.period, t.seq), arg_max(t.service, t.seq),
            arg_max(t.zone, t.seq), max(t.seq)
        FROM cap_terms t JOIN fresh USING (tenant, account, seq) WHERE NOT removed
        GROUP BY ALL
        ON CONFLICT DO UPDATE SET unit = excluded.unit, cap_limit = excluded.cap_limit,
            period = excluded.period, service = excluded.service, zone = excluded.zone,
            seq = excluded.seq
        """,
        _CAP_TERMS,
    ),
    Statement(
        f"""
        DELETE FROM caps s USING (
            SELECT t.* FROM cap_terms t JOIN fresh USING (tenant, account, seq) WHERE removed) x
        WHERE {_OF_CAP} AND x.cap IN ('', s.cap) AND s.seq < x.seq
        """,
        _CAP_TERMS,
    ),
)

_MINE: Final = "SEMI JOIN affected USING (tenant, account)"

RESTORE: Final = (
    *(
        f"DELETE FROM {table} WHERE (tenant, account) IN (FROM affected)"
        for table in ("accounts", "buckets", "caps", "cap_counters")
    ),
    f"INSERT INTO accounts {_accounts(f'(FROM account_terms {_MINE})')}",
    f"""
    INSERT INTO buckets
    WITH opened AS (
        SELECT tenant, account, bucket, arg_max(unit, seq) AS unit,
            arg_max(expire_ms, seq) AS expire_ms, arg_max(opened_by, seq) AS opened_by,
            max(seq) AS seq
        FROM bucket_terms {_MINE} GROUP BY ALL),
    moved AS (
        SELECT c.tenant, c.account, c.bucket, arg_max(balance_after, c.seq) AS balance,
            arg_max(reserved_after, c.seq) AS reserved, max(c.seq) AS seq
        FROM bucket_changes c JOIN opened o USING (tenant, account, bucket)
        WHERE c.seq >= o.seq GROUP BY ALL),
    closed AS (
        SELECT tenant, account, ref AS bucket, max(seq) AS seq FROM events {_MINE}
        WHERE kind = 'BUCKET_CLOSED' GROUP BY ALL)
    SELECT o.tenant, o.account, o.bucket, o.unit, coalesce(m.balance, 0), coalesce(m.reserved, 0),
        o.expire_ms, o.opened_by, coalesce(m.seq, o.seq)
    FROM opened o LEFT JOIN moved m USING (tenant, account, bucket)
        LEFT JOIN closed c USING (tenant, account, bucket)
    WHERE coalesce(c.seq, 0) < o.seq
    """,
    f"""
    INSERT INTO caps
    WITH removed AS (
        SELECT tenant, account, holder, cap, max(seq) AS seq FROM cap_terms {_MINE}
        WHERE removed GROUP BY ALL)
    SELECT s.tenant, s.account, s.holder, s.cap, arg_max(unit, s.seq), arg_max(cap_limit, s.seq),
        arg_max(period, s.seq), arg_max(service, s.seq), arg_max(zone, s.seq), max(s.seq)
    FROM (FROM cap_terms {_MINE} WHERE NOT removed) s
        LEFT JOIN removed x ON {_OF_CAP} AND x.cap IN ('', s.cap)
    GROUP BY s.tenant, s.account, s.holder, s.cap
    HAVING max(s.seq) > coalesce(max(x.seq), 0)
    """,
    f"""
    INSERT INTO cap_counters
    WITH removed AS (
        SELECT tenant, account, holder, cap, max(seq) AS seq FROM cap_terms {_MINE}
        WHERE removed GROUP BY ALL)
    SELECT s.tenant, s.account, s.holder, s.cap, s.period_start_ms, arg_max(spent, s.seq),
        arg_max(reserved, s.seq), max(s.seq)
    FROM (FROM cap_changes {_MINE}) s
        LEFT JOIN removed x ON {_OF_CAP} AND x.cap IN ('', s.cap)
    GROUP BY s.tenant, s.account, s.holder, s.cap, s.period_start_ms
    HAVING max(s.seq) > coalesce(max(x.seq), 0)
    """,
)
"""Makes the state of the accounts in `affected` anew from the history that is left."""
