"""The line has one meaning and two readers: what columns say is what `decode_event` reads."""

import re
from random import Random
from typing import Any

import pytest

from ocs.domain.charging_event import ChargingEvent, EventFormatError, EventKind, decode_event
from ocs.insights.line import each
from ocs.insights.tables import Tables
from tests.insights.journals import Entry, read, written_by
from tests.model.valkey_side import ValkeySide

HEAD = (
    "n, kind, tenant, account, seq, store_ms, outcome, ref, requested_units, used_units,"
    " granted_units, connect_micros, uncollected_units, uncollected_micros, charged,"
    " position_before, flags, successor, holds"
)


def head_of(row: int, event: ChargingEvent) -> tuple[Any, ...]:
    return (
        row,
        event.kind,
        event.tenant,
        event.account_id,
        event.seq,
        event.store_ms,
        event.outcome,
        event.ref,
        event.requested_units,
        event.used_units,
        event.granted_units,
        event.connect_micros,
        event.uncollected_units,
        event.uncollected_micros,
        event.position is not None,
        event.position[0] if event.position else 0,
        event.flags,
        event.successor_id,
        event.hold is not None and event.hold != (0, 0),
    )


def lists_of(event: ChargingEvent) -> dict[str, list[list[str]]]:
    """The fields of the tokens that may stand several times, as text."""
    found: dict[str, list[list[str]]] = {
        "y": [[one.bucket_id, str(one.units), str(one.micros)] for one in event.payments],
        "b": [
            [
                one.bucket_id,
                str(one.balance_before),
                str(one.reserved_before),
                str(one.balance_after),
                str(one.reserved_after),
            ]
            for one in event.buckets
        ],
        "k": [
            [
                one.holder,
                one.cap_id,
                str(one.period_start_ms),
                str(one.spent_after),
                str(one.reserved_after),
            ]
            for one in event.counters
        ],
        "j": [[one.bucket_id, one.to_bucket_id or "-", str(one.quantity)] for one in event.refunds],
    }
    for letter in "tvqaw":
        found[letter] = [list(fields) for kind, *fields in event.terms if kind == letter]
    return found


def in_columns(tables: Tables) -> tuple[dict[int, tuple[Any, ...]], dict[str, dict[int, Any]]]:
    heads = {row[0]: row for row in tables._execute(f"SELECT {HEAD} FROM fresh")}
    lists: dict[str, dict[int, Any]] = {}
    for letter, table in (("y", "payments"), ("b", "buckets"), ("k", "counters")):
        lists[letter] = {}
        fields = f"* EXCLUDE (tenant, account, seq{', store_ms' if letter == 'b' else ''})"
        for row, *figures in tables._execute(f"SELECT {fields} FROM fresh_{table}"):
            lists[letter].setdefault(row, []).append([str(one) for one in figures])
    for letter in "jtvqaw":
        lists[letter] = {}
        for row, fields in tables._execute(each(letter, "n")):
            lists[letter].setdefault(row, []).append(fields)
    return heads, lists


def plain(fields: list[list[str]]) -> list[list[str]]:
    """Fields with each figure in one spelling: 007 is 7 to both readers."""
    return [[re.sub(r"^(-?)0+(?=[0-9])", r"\1", one) for one in some] for some in fields]


def check_alike(tables: Tables, lines: list[bytes]) -> tuple[int, set[str]]:
    """Compare; return how many lines were read, and the kinds that were among them."""
    read(tables, [Entry(3, f"{n}-0", line, b"") for n, line in enumerate(lines, start=1)])
    heads, lists = in_columns(tables)
    kinds = set()
    for row in heads:
        event = decode_event(lines[row].decode("utf-8", "replace"))
        assert heads[row] == head_of(row, event), lines[row]
        for letter, fields in lists_of(event).items():
            assert plain(lists[letter].get(row, [])) == plain(fields), (letter, lines[row])
        kinds.add(str(event.kind))
    return len(heads), kinds


def test_every_kind_reads_alike(lua: ValkeySide, tables: Tables) -> None:
    kinds: set[str] = set()
    # What the traffic does not do.
    seldom = [
        b"1 CLOSE_ACCOUNT main/a1 9 1767225600000 1767225600000-0 - -",
        b"1 CANCEL_BUNDLE_RENEWAL main/a1 10 1767225600000 - - pack",
    ]
    for seed in range(6):
        lines = [entry.line for entry in written_by(lua, seed, 400)] + seldom
        count, found = check_alike(tables, lines)
        assert count == len(lines)
        kinds |= found
    assert kinds == set(EventKind)


def test_what_is_garbled_is_set_aside_or_read_alike(lua: ValkeySide, tables: Tables) -> None:
    random = Random(5)
    lines = []
    for entry in written_by(lua, 11, 400):
        line = bytearray(entry.line)
        for _ in range(random.choice([1, 1, 2, 3])):
            at = random.randrange(len(line))
            match random.randrange(3):
                case 0:
                    line[at] = random.choice(b" :=-/0123456789azuybkdp\xff")
                case 1:
                    del line[at]
                case _:
                    line.insert(at, random.choice(b" :=-/09u\xc3"))
        lines.append(bytes(line))
    count, _ = check_alike(tables, lines)
    assert 20 < count < len(lines) - 20
    ((aside,),) = tables._execute("SELECT count(*) FROM fresh_aside")
    assert count + aside == len(lines)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"2 DEBIT main/a1 1 5 - CHARGED - u=1",
        b"1 SING main/a1 1 5 - - -",
        b"1 DEBIT main 1 5 - CHARGED - u=1",
        b"1 DEBIT main/a1 1 5 - CHARGED - b=main:1:2:3",
        b"1 DEBIT main/a1 1 5 - CHARGED -  u=1",
        b"1 DEBIT main/a1 1 5 - CHARGED - y=main:1:2:3",
        b"1 DEBIT main/a1 one 5 - CHARGED -",
    ],
)
def test_no_reader_takes_it(tables: Tables, line: bytes) -> None:
    with pytest.raises(EventFormatError):
        decode_event(line.decode())
    assert check_alike(tables, [line]) == (0, set())


def test_a_token_of_a_newer_server_is_left_out(tables: Tables) -> None:
    line = b"1 DEBIT main/a1 1 5 - CHARGED - u=1 Z=any:thing u2=3"
    assert check_alike(tables, [line]) == (0, set())
    assert check_alike(tables, [line.removesuffix(b" u2=3")]) == (1, {"DEBIT"})
