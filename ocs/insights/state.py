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
