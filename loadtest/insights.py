"""`make bench-insights`: how fast a backlog is projected, and how fast the last hour is asked for.

A journal of EVENTS entries stands in a real store, as sessions of reserve and commit on many
accounts write it, and is projected from the beginning into a new file. Then the events are copied
until there are QUERY_EVENTS of them, all within the last hour, and revenue is asked for as
`ocs report revenue --last 1h` does, whose ends are no full minutes. The machine's own speed is told
beside it: what `decode_event` alone would take.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import redis
import uvloop

from ocs.app import spared_collections
from ocs.book.file import tariff_of_file
from ocs.domain.charging_event import decode_event
from ocs.domain.event_context import EventContext
from ocs.domain.insights import AsOf, Dimension, FiguresAsked
from ocs.insights import figures
from ocs.insights.minutes import add_up, sums
from ocs.insights.projector import Projector
from ocs.insights.question import Question
from ocs.insights.tables import Tables
from ocs.rpc.context_columns import context_columns
from ocs.rpc.event_context import encode_context
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.journal import ValkeyJournal
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline
from ocs.store.tariffs import ValkeyTariffs

ACCOUNTS: Final = 20_000
START_MS: Final = 1_790_000_000_000
HOUR_MS: Final = 3_600_000
QUESTIONS: Final = 20
DECODED: Final = 20_000
_WRITTEN_AT_ONCE: Final = 5_000
_SEGMENTS: Final = ("gold", "silver", "bronze")
_SERVICES: Final = (("data", 1_048_576), ("voice", 60), ("sms", 1))


def entries(count: int) -> Iterator[tuple[str, str, bytes]]:
    """Account, line and context of each event, in the order of time."""
    rng = random.Random(1)
    for number in range(count):
        pair, closing = divmod(number, 2)
        account, session = f"acc{pair % ACCOUNTS:06}", pair // ACCOUNTS
        seq, now_ms = 2 * session + closing + 1, START_MS + number * HOUR_MS // count
        head = f"main/{account} {seq} {now_ms} {now_ms - 1}-0"
        service, units = _SERVICES[pair % 3]
        if closing:
            line = (
                f"1 COMMIT {head} CHARGED r{pair} u={units} p=0:0:{units}:{units}"
                f" y=main:{units}:90000 d=0:0 b=main:9000000:100000:8910000:0"
                f" k=account:monthly:{START_MS}:{90_000 * (session + 1)}:0"
            )
        else:
            line = (
                f"1 RESERVE {head} GRANTED r{pair} r={units} g={units} d={now_ms + 600_000}:{units}"
                f" h=main:100000 l=account:monthly:{START_MS}:100000"
                f" b=main:9000000:0:9000000:100000 k=account:monthly:{START_MS}:0:100000"
            )
        context = EventContext(
            request_id=f"{rng.getrandbits(128):032x}",
            session_id=f"s{pair}",
            subscriber_id=f"line{pair % ACCOUNTS}",
            segment=_SEGMENTS[pair % 7 % 3],
            plan="prepaid",
            service_id=service,
            currency="EUR",
            tariff_version="bench",
            event_time_ms=now_ms,
            actor="gateway",
            price_id=f"{service}/home",
        )
        yield account, line, encode_context(context)


def write(store: EmbeddedValkey, count: int) -> list[str]:
    """Put a journal into the store; return some of its lines."""
    client = redis.Redis(unix_socket_path=str(store.socket_path))
    pipe: Any = client.pipeline(transaction=False)
    lines: list[str] = []
    for number, (account, line, context) in enumerate(entries(count), start=1):
        key = keys.journal_key(keys.partition_of("main", account))
        pipe.execute_command("XADD", key, "*", "e", line, "c", context)
        if len(lines) < DECODED:
            lines.append(line)
        if number % _WRITTEN_AT_ONCE == 0:
            pipe.execute()
    pipe.execute()
    client.close()
    return lines


async def project(store: EmbeddedValkey, tables: Tables, count: int) -> tuple[float, float]:
    """Project it all; return events a second, and microseconds of CPU an event."""
    pool = make_pool(store.url, 1)
    pipeline = Pipeline(pool)
    ledger = ValkeyLedger(make_pool(store.url, 4), connections=4, now_ms=lambda: START_MS)
    projector = Projector(
        tables,
        ValkeyJournal(pipeline),
        ValkeyTariffs(ledger),
        read_contexts=context_columns,
        read_tariff=lambda _: tariff_of_file(None),
        steady_ms=lambda: 0,
    )
    with spared_collections():
        started, spent = time.perf_counter(), time.process_time()
        while not await projector.step():
            continue
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - spent
    assert projector.event_count == count, projector.event_count
    projector.close()
    await pipeline.close()
    await pool.disconnect()
    await ledger.close()
    return count / seconds, cpu_s / count * 1e6


def copy(tables: Tables, count: int, wanted: int) -> None:
    """Have so many events in the hour, with what was added up of them."""
    connection = tables.reader()
    for number in range(1, wanted // count):
        connection.execute(
            "INSERT INTO events SELECT * REPLACE (seq + ? AS seq) FROM events LIMIT ?",
            [number * 1_000_000, count],
        ).fetchall()
    for table in ("minutes", "cost_minutes", "decision_minutes"):
        connection.execute(f"TRUNCATE {table}").fetchall()
    for statement in add_up(f"({sums('events')})", "events", "costs")[:3]:
        connection.execute(statement).fetchall()
    connection.close()


def ask(tables: Tables) -> list[float]:
    """Ask for the revenue of the last hour again and again; return milliseconds each took."""
    times_ms = []
    for number in range(QUESTIONS):
        # No full minutes at its ends: these are added up from the events.
        start_ms = START_MS + 30_000 + number
        asked = FiguresAsked(
            tenant="main",
            start_ms=start_ms,
            end_ms=START_MS + HOUR_MS - 15_000,
            steps=[start_ms],
            by=(Dimension.SEGMENT, Dimension.SERVICE),
        )
        connection = tables.reader()
        started = time.perf_counter()
        found = figures.revenue(Question(connection), asked, AsOf(0, 0))
        times_ms.append((time.perf_counter() - started) * 1000)
        assert len(found.rows) == len(_SEGMENTS) * len(_SERVICES)
        connection.close()
    return sorted(times_ms)


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--query-events", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        with private_valkey(Path(directory) / "store") as store:
            lines = write(store, options.events)
            tables = Tables.open(Path(directory) / "insights.duckdb")
            rate, cpu_us = uvloop.run(project(store, tables, options.events))
        started, spent = time.perf_counter(), time.process_time()
        for line in lines:
            decode_event(line)
        alone = len(lines) / (time.perf_counter() - started)
        alone_us = (time.process_time() - spent) / len(lines) * 1e6
        print(f"projected from a backlog: {rate:,.0f} events/s, {options.events:,} events")
        print(f"decode_event alone, one core: {alone:,.0f} lines/s; ratio {rate / alone:.1f}")
        print(f"CPU: {cpu_us:.1f} us an event; decode_event alone {alone_us:.1f} us")
        copy(tables, options.events, options.query_events)
        times_ms = ask(tables)
        median, worst = times_ms[len(times_ms) // 2], times_ms[-1]
        count = options.query_events
        print(f"revenue of the last hour, {count:,} events: {median:.0f} ms, worst {worst:.0f} ms")
        tables.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
