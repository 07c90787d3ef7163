"""What the tables say, in a shape that can be compared."""

from typing import Any, Final

from ocs.insights.schema import PUBLIC_TABLES
from ocs.insights.tables import Tables
from tests.insights.reference import Reference

DIMENSIONS: Final = "tenant, segment, plan, service, zone, partner"
MEASURES: Final = (
    "charge_count",
    "charged_micros",
    "refunded_micros",
    "topped_up_micros",
    "used_units",
    "uncollected_units",
    "uncollected_micros",
    "uncosted_units",
)


def minutes_of(tables: Tables) -> dict[tuple[Any, ...], int]:
    """Every measure by minute, dimensions, currency and unit, added up; nothing where it is 0."""
    sums = ", ".join(f"sum({name})::HUGEINT" for name in MEASURES)
    found: dict[tuple[Any, ...], int] = {}
    for row in tables._execute(
        f"SELECT minute_ms, {DIMENSIONS}, currency, unit, {sums} FROM minutes GROUP BY ALL"
    ):
        key, values = row[: -len(MEASURES)], row[-len(MEASURES) :]
        found |= {
            (*key, name): value for name, value in zip(MEASURES, values, strict=True) if value
        }
    return found


def summed(tables: Tables, table: str, keys: str, figure: str) -> dict[tuple[Any, ...], int]:
    """A table of minutes with one measure."""
    rows = tables._execute(
        f"SELECT minute_ms, {DIMENSIONS}, {keys}, sum({figure})::HUGEINT AS figure FROM {table}"
        " GROUP BY ALL HAVING figure <> 0"
    )
    return {row[:-1]: row[-1] for row in rows}


# Those that have the same rows whenever they are projected. Rows of minutes are put together now
# and then, and those of open_holds add up.
ROW_TABLES: Final = tuple(
    name for name in PUBLIC_TABLES if not name.endswith("minutes") and name != "open_holds"
)


def contents(tables: Tables) -> dict[str, Any]:
    """Every table, its rows in order; rows of minutes that add up are added up."""
    found: dict[str, Any] = {
        table: tables._execute(f"FROM {table} ORDER BY ALL") for table in ROW_TABLES
    }
    return found | added_up(tables)


def added_up(tables: Tables) -> dict[str, Any]:
    """The tables of minutes, as figures."""
    return {
        "minutes": minutes_of(tables),
        "cost_minutes": summed(tables, "cost_minutes", "currency, cost_currency", "cost_micros"),
        "decision_minutes": summed(tables, "decision_minutes", "kind, outcome", "decision_count"),
    }


def differences(tables: Tables, reference: Reference) -> list[str]:
    """Hold every figure against the journal added up event by event; say what differs."""

    def rows(columns: str, table: str) -> set[tuple[Any, ...]]:
        return set(tables._execute(f"SELECT {columns} FROM {table}"))

    counters = rows("tenant, account, holder, cap, period_start_ms, spent", "cap_counters")
    ((open_holds,),) = tables._execute("SELECT coalesce(sum(hold_count), 0) FROM open_holds")
    pairs: dict[str, tuple[Any, Any]] = {
        "minutes": (
            minutes_of(tables),
            {key: value for key, value in reference.minutes.items() if value},
        ),
        "costs": (
            summed(tables, "cost_minutes", "currency, cost_currency", "cost_micros"),
            {key: value for key, value in reference.costs.items() if value},
        ),
        "decisions": (
            summed(tables, "decision_minutes", "kind, outcome", "decision_count"),
            dict(reference.decisions),
        ),
        "buckets": (
            rows("tenant, account, bucket, unit, balance, reserved", "buckets"),
            reference.buckets(),
        ),
        "caps": (
            rows("tenant, account, holder, cap, unit, cap_limit, period", "caps"),
            reference.caps(),
        ),
        # The tables keep past periods, too.
        "counters": (counters & reference.counters(), reference.counters()),
        "open reservations": (open_holds, reference.open_holds()),
        "accounts": (
            {row[:2]: row[2] for row in tables._execute("FROM accounts")},
            reference.segments,
        ),
    }
    return [
        f"{name}: {_told(found, expected)}"
        for name, (found, expected) in pairs.items()
        if found != expected
    ]


def _told(found: Any, expected: Any) -> str:
    """The first difference."""
    if isinstance(found, int):
        return f"{found}, not {expected}"
    places = sorted(set(found) ^ set(expected), key=str)
    if isinstance(found, dict):
        places += [key for key in found if key in expected and found[key] != expected[key]]
        return f"{places[0]}: {found.get(places[0])}, not {expected.get(places[0])}"
    return f"{places[0]}: {'there' if places[0] in found else 'not there'}"
