"""Contexts as columns: what `decode_context` reads of each, for many at once."""

from random import Random

from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from ocs.domain.event_context import CONTEXT_COLUMNS, EventContext
from ocs.ports import ContextColumns, TextColumn
from ocs.rpc.context_columns import context_columns
from ocs.rpc.event_context import decode_context, encode_context

# Lengths and letters of one byte and of more.
TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["x" * 127, "x" * 128, "é" * 100, "x" * 300])
)
QUANTITIES = st.integers(0, 2**53 - 1)
NUMBERS = st.one_of(QUANTITIES, st.sampled_from([-1, -(2**63), 2**63 - 1]))
SEGMENTS = st.lists(st.tuples(QUANTITIES, QUANTITIES, QUANTITIES), max_size=3)
PIECES = st.lists(st.tuples(QUANTITIES, TEXTS, TEXTS), max_size=3)
CONTEXTS = st.builds(
    EventContext,
    request_id=TEXTS,
    session_id=TEXTS,
    segment=TEXTS,
    zone=TEXTS,
    sequence_number=QUANTITIES,
    segments=SEGMENTS.map(tuple),
    # Fields of which there is no column.
    reason=TEXTS,
    tax_included=st.sampled_from([None, True, False]),
    event_time_ms=NUMBERS,
    corrects_seq=NUMBERS,
    time_zone=st.sampled_from(["", "Europe/Berlin"]),
    pieces=PIECES.map(tuple),
)
WIRES = CONTEXTS.map(encode_context)
# Fields that come in another order, twice, or are not known: all that protobuf takes.
JOINED = st.lists(WIRES, min_size=2, max_size=3).map(b"".join)
UNKNOWN = WIRES.map(lambda wire: wire + b"\xfa\x3f\x02ok")
BROKEN = st.sampled_from(
    [
        b"\xff\xff",
        b"\x0a\x05abc",
        b"\x0a\x02\xc3\x28",
        b"\x0a" + b"\xff" * 9 + b"\x01",
        b"\x58" + b"\x80" * 10,
        b"\x58" + b"\xff" * 9 + b"\x02",
        b"\x0b",
        b"\x00",
        b"\x58",
        b"\x5a\x01\x01",
        b"\xb2\x01\x02\x12\x05",
    ]
)


def value_at(read: ContextColumns, name: str, row: int) -> object:
    """What a column says of a row."""
    column = read.columns[name]
    if not isinstance(column, TextColumn):
        return column[row]
    start, end = column.spans[row, 0], column.spans[row, 1]
    return column.data[start:end].tobytes().decode()


def check(wires: list[bytes]) -> ContextColumns:
    """Hold the columns against contexts read one by one."""
    read = context_columns(wires)
    assert set(read.columns) == set(CONTEXT_COLUMNS)
    unreadable = set()
    for row, wire in enumerate(wires):
        try:
            known = decode_context(wire)
        except DecodeError:
            unreadable.add(row)
            known = EventContext()
        assert {name: value_at(read, name, row) for name in CONTEXT_COLUMNS} == {
            name: getattr(known, name) for name in CONTEXT_COLUMNS
        }
        assert read.pieces.get(row, ()) == known.pieces
    assert read.unreadable == unreadable
    return read


@given(st.lists(st.one_of(WIRES, JOINED, UNKNOWN, BROKEN), max_size=12))
def test_columns_say_what_each_context_says(wires: list[bytes]) -> None:
    check(wires)


@given(st.lists(WIRES, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_garbled_contexts_are_read_as_protobuf_reads_them(
    wires: list[bytes], random: Random
) -> None:
    garbled = []
    for wire in wires:
        some = bytearray(wire)
        for _ in range(random.choice([1, 1, 3])):
            at = random.randrange(len(some) + 1)
            some[at : at + random.randrange(2)] = random.randbytes(random.randrange(3))
        garbled.append(bytes(some))
    check(garbled)


def test_no_contexts_are_columns_of_nothing() -> None:
    read = check([])
    assert not read.pieces
    assert not read.unreadable


def test_more_contexts_than_are_walked_at_once_keep_their_rows() -> None:
    pieces = ((1, "v", "p"), (2, "v", "q"))
    wires = [
        encode_context(EventContext(request_id=f"r{n}", event_time_ms=n, pieces=pieces[: n % 3]))
        for n in range(20_000)
    ]
    wires[9_000] = b"\xff\xff"
    read = check(wires)
    assert read.unreadable == {9_000}
