"""Takes back what a journal of another generation may not have, to read it once more.

A node that takes over, or starts again from a log that lost its end, may never have had the last
events that were read here, and give their numbers to others. So the events behind `cuts` leave the
tables as if they had never come, and are read again: in the end the tables are those of the journal
as it is. `taken_back` remembers them meanwhile, to count those that are not the same any more.
"""

from typing import Final

from ocs.insights.minutes import MINUTE_MS, add_up, sums
from ocs.insights.schema import HISTORY
from ocs.insights.state import RESTORE

_KEY: Final = "(tenant, account, seq)"
_LAST_NUMBER: Final = 2**64 - 1
_SINCE: Final = "getvariable('rewound_ms')"
_LEFT: Final = f"(FROM events WHERE store_ms >= {_SINCE})"

STATEMENTS: Final = (
    """
    CREATE OR REPLACE TEMP TABLE gone AS
    SELECT e.* FROM events e JOIN cuts c USING (part) WHERE e.entry_ms >= c.cut_ms
    """,
    "CREATE OR REPLACE TEMP TABLE affected AS SELECT DISTINCT tenant, account FROM gone",
    f"SET VARIABLE rewound_ms = (SELECT min(store_ms - store_ms % {MINUTE_MS}) FROM gone)",
    # What was taken back before and has not come again stays to be compared, as it was first.
    f"""
    INSERT INTO taken_back SELECT tenant, account, seq, digest FROM gone
    WHERE {_KEY} NOT IN (SELECT {_KEY} FROM taken_back)
    """,
    "INSERT INTO open_holds SELECT tenant, -sum(opened_holds) FROM gone GROUP BY tenant",
    "UPDATE projection SET event_count = event_count - (SELECT count(*) FROM gone)",
    *(f"DELETE FROM {table} WHERE {_KEY} IN (SELECT {_KEY} FROM gone)" for table in HISTORY),
    """
    DELETE FROM unreadable u USING cuts c WHERE u.part = c.part AND u.entry_ms >= c.cut_ms
    """,
    *(
        f"DELETE FROM {table} WHERE minute_ms >= {_SINCE}"
        for table in ("minutes", "cost_minutes", "decision_minutes")
    ),
    # All but the open reservations, which are above.
    *add_up(f"({sums(_LEFT)})", _LEFT, "costs")[:3],
    *RESTORE,
    f"""
    UPDATE positions SET position = (c.cut_ms - 1)::VARCHAR || '-{_LAST_NUMBER}' FROM cuts c
    WHERE positions.part = c.part AND split_part(position, '-', 1)::UBIGINT >= c.cut_ms
    """,
    # A process that dies before it has read all of that again must not begin with the old time.
    """
    UPDATE projection SET as_of_ms = least(as_of_ms, (SELECT min(cut_ms) FROM cuts))
    WHERE EXISTS (FROM cuts)
    """,
    "TRUNCATE cuts",
)

CAME_AGAIN: Final = (
    f"""
    UPDATE projection SET rewritten_count = rewritten_count + (
        SELECT count(*) FROM taken_back t JOIN fresh_events e USING {_KEY}
        WHERE t.digest <> e.digest)
    """,
    f"DELETE FROM taken_back WHERE {_KEY} IN (SELECT {_KEY} FROM fresh_events)",
)
"""Of the batch: the same events count for nothing, others as rewritten."""

LOST: Final = (
    """
    UPDATE projection SET rewritten_count = rewritten_count + (SELECT count(*) FROM taken_back)
    """,
    "TRUNCATE taken_back",
)
"""What did not come again."""
