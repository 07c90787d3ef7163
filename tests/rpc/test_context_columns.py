"""Contexts as columns: what `decode_context` reads of each, for many at once."""

from hypothesis import given
from hypothesis import strategies as st

from ocs.domain.event_context import CONTEXT_COLUMNS, EventContext
from ocs.rpc.event_context import context_columns, decode_context, encode_context

TEXTS = st.text(max_size=8)
PIECES = st.lists(st.tuples(st.integers(0, 2**53 - 1), TEXTS, TEXTS), max_size=3)
CONTEXTS = st.builds(
    EventContext,
    request_id=TEXTS,
    session_id=TEXTS,
    segment=TEXTS,
    zone=TEXTS,
    # The bytes that announce pieces, within another field.
    reason=st.sampled_from(["", "\u00b2\u0001", "x"]),
    event_time_ms=st.integers(0, 2**53 - 1),
    corrects_seq=st.integers(0, 2**53 - 1),
    time_zone=st.sampled_from(["", "Europe/Berlin"]),
    pieces=PIECES.map(tuple),
)


@given(st.lists(st.one_of(CONTEXTS, st.none()), max_size=12))
def test_columns_say_what_each_context_says(contexts: list[EventContext | None]) -> None:
    encoded = [b"\xff\xff" if one is None else encode_context(one) for one in contexts]

    read = context_columns(encoded)

    assert read.unreadable == {row for row, one in enumerate(contexts) if one is None}
    assert set(read.columns) == set(CONTEXT_COLUMNS)
    for row, wire in enumerate(encoded):
        if row in read.unreadable:
            continue
        known = decode_context(wire)
        assert {name: values[row] for name, values in read.columns.items()} == {
            name: getattr(known, name) for name in CONTEXT_COLUMNS
        }
        assert read.pieces.get(row, ()) == known.pieces
    assert all(len(values) == len(encoded) for values in read.columns.values())
