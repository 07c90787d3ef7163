"""The tables of the figures. `docs/operations.md` explains them to who reads them with `ocs sql`.

Every table is a fold of the journal and of the tariffs it names: no insert time, no batch number,
nothing that a second projection of the same journal would write differently. Money is in
micro-units of `currency`, times are milliseconds since 1970 UTC.
"""

from typing import Final

FORMAT: Final = 1
"""Of the tables below. A file of an older one is projected anew, one of a newer one is refused."""

_EVENT_KEY: Final = "tenant VARCHAR, account VARCHAR, seq BIGINT"
# Who, where and for what: the dimensions that figures are added up by.
DIMENSIONS: Final = ("tenant", "segment", "plan", "service", "zone", "partner")
_DIMENSIONS: Final = ", ".join(f"{name} VARCHAR" for name in DIMENSIONS)

TABLES: Final = {
    # What there is to know of the projection itself; one row.
    "projection": """format INTEGER, generation VARCHAR, as_of_ms BIGINT,
        event_count BIGINT, rewritten_count BIGINT""",
    # Behind which entry each partition is read on.
    "positions": "part USMALLINT PRIMARY KEY, position VARCHAR",
    # Events that were taken back to be read once more, until they are.
    "taken_back": f"{_EVENT_KEY}, digest UBIGINT",
    # Entries that are no events of a version that is known here.
    "unreadable": "part USMALLINT, entry_ms UBIGINT, entry_no UBIGINT, line VARCHAR, context BLOB",
    # One row for each event of the journal.
    "events": f"""{_EVENT_KEY}, part USMALLINT, entry_ms UBIGINT, entry_no UBIGINT,
        store_ms BIGINT, event_ms BIGINT, kind VARCHAR, outcome VARCHAR, ref VARCHAR,
        request_id VARCHAR, session VARCHAR, subscriber VARCHAR, segment VARCHAR, plan VARCHAR,
        service VARCHAR, zone VARCHAR, partner VARCHAR, currency VARCHAR, tariff_version VARCHAR,
        price_id VARCHAR, actor VARCHAR, payment_reference VARCHAR, corrects_seq BIGINT,
        unit VARCHAR, requested_units BIGINT, granted_units BIGINT, used_units BIGINT,
        charged_micros BIGINT, refunded_micros BIGINT, topped_up_micros BIGINT,
        connect_micros BIGINT, uncollected_units BIGINT, uncollected_micros BIGINT,
        uncosted_units BIGINT, opened_holds TINYINT, flags VARCHAR, successor VARCHAR,
        digest UBIGINT""",
    # A bucket before and after an event.
    "bucket_changes": f"""{_EVENT_KEY}, store_ms BIGINT, bucket VARCHAR, balance_before BIGINT,
        reserved_before BIGINT, balance_after BIGINT, reserved_after BIGINT""",
    # Who paid, for how many units of the service, with how much money.
    "payments": f"{_EVENT_KEY}, bucket VARCHAR, units BIGINT, micros BIGINT",
    # What was given back to which bucket, and where it went; empty: nowhere, it was forfeited.
    "refund_lines": f"{_EVENT_KEY}, bucket VARCHAR, to_bucket VARCHAR, quantity BIGINT",
    # A cap's counter after an event.
    "cap_changes": f"""{_EVENT_KEY}, holder VARCHAR, cap VARCHAR, period_start_ms BIGINT,
        spent BIGINT, reserved BIGINT""",
    # What a carrier is owed for an event's use, by the tariff.
    "costs": f"{_EVENT_KEY}, partner VARCHAR, currency VARCHAR, micros BIGINT",
    # The definition of a cap by an event; removed: the event took it away.
    "cap_terms": f"""{_EVENT_KEY}, holder VARCHAR, cap VARCHAR, unit VARCHAR, cap_limit BIGINT,
        period VARCHAR, service VARCHAR, zone VARCHAR, removed BOOLEAN""",
    # The terms of a bucket, by the event that opened it.
    "bucket_terms": f"""{_EVENT_KEY}, bucket VARCHAR, unit VARCHAR, priority INTEGER,
        start_ms BIGINT, expire_ms BIGINT, opened_by VARCHAR, opened_ref VARCHAR""",
    # What is agreed with an account, by the event that changed it; null: as before.
    "account_terms": f"""{_EVENT_KEY}, segment VARCHAR, plan VARCHAR, currency VARCHAR,
        time_zone VARCHAR, anchor_day INTEGER, credit_limit BIGINT, status VARCHAR""",
    # Buckets that there are now.
    "buckets": """tenant VARCHAR, account VARCHAR, bucket VARCHAR, unit VARCHAR, balance BIGINT,
        reserved BIGINT, expire_ms BIGINT, opened_by VARCHAR, seq BIGINT,
        PRIMARY KEY (tenant, account, bucket)""",
    # Caps that there are now.
    "caps": """tenant VARCHAR, account VARCHAR, holder VARCHAR, cap VARCHAR, unit VARCHAR,
        cap_limit BIGINT, period VARCHAR, service VARCHAR, zone VARCHAR, seq BIGINT,
        PRIMARY KEY (tenant, account, holder, cap)""",
    # What caps counted, by period, or by slot of a rolling one.
    "cap_counters": """tenant VARCHAR, account VARCHAR, holder VARCHAR, cap VARCHAR,
        period_start_ms BIGINT, spent BIGINT, reserved BIGINT, seq BIGINT,
        PRIMARY KEY (tenant, account, holder, cap, period_start_ms)""",
    # Accounts as they are now.
    "accounts": """tenant VARCHAR, account VARCHAR, segment VARCHAR, plan VARCHAR,
        currency VARCHAR, time_zone VARCHAR, anchor_day INTEGER, credit_limit BIGINT,
        status VARCHAR, PRIMARY KEY (tenant, account)""",
    # Figures by minute of the store's clock. Rows of the same minute and dimensions add up.
    "minutes": f"""minute_ms BIGINT, {_DIMENSIONS}, currency VARCHAR, unit VARCHAR,
        charge_count HUGEINT, charged_micros HUGEINT, refunded_micros HUGEINT,
        topped_up_micros HUGEINT, used_units HUGEINT, uncollected_units HUGEINT,
        uncollected_micros HUGEINT, uncosted_units HUGEINT""",
    "cost_minutes": f"""minute_ms BIGINT, {_DIMENSIONS}, currency VARCHAR,
        cost_currency VARCHAR, cost_micros HUGEINT""",
    "decision_minutes": f"""minute_ms BIGINT, {_DIMENSIONS}, kind VARCHAR, outcome VARCHAR,
        decision_count HUGEINT""",
    # Reservations that hold something now. Rows of a tenant add up.
    "open_holds": "tenant VARCHAR, hold_count HUGEINT",
    # What the tariffs say that events name. known: whether there was such a text.
    "tariffs": "tenant VARCHAR, version VARCHAR, known BOOLEAN",
    "metered": "tenant VARCHAR, version VARCHAR, service VARCHAR, unit VARCHAR",
    "wholesale": """tenant VARCHAR, version VARCHAR, price_id VARCHAR, partner VARCHAR,
        currency VARCHAR, step INTEGER, start_units BIGINT, end_units BIGINT,
        increment BIGINT, num BIGINT, den BIGINT, base BIGINT, rest BIGINT""",
}

# What `ocs sql` may read, and what two projections of one journal are compared by.
# What there is of single events, by the event's key.
HISTORY: Final = (
    "events",
    "bucket_changes",
    "payments",
    "refund_lines",
    "cap_changes",
    "costs",
    "cap_terms",
    "bucket_terms",
    "account_terms",
)

PUBLIC_TABLES: Final = tuple(
    name for name in TABLES if name not in {"projection", "positions", "taken_back"}
)


def ddl() -> list[str]:
    """The statements that make them."""
    return [f"CREATE TABLE {name} ({columns})" for name, columns in TABLES.items()]
