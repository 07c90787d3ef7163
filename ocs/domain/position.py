"""Places in a partition's journal: stream ids, `milliseconds-number`, compared as two numbers."""

from typing import Final, TypeAlias

Position: TypeAlias = tuple[int, int]

START: Final[Position] = (0, 0)
PART_MAX: Final = 2**64 - 1


def parse_position(text: str) -> Position:
    """Read a stream id; an empty text is the place before every entry."""
    if not text:
        return START
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number)


def spell_position(position: Position) -> str:
    """Write a stream id; the place before every entry is empty."""
    return "" if position == START else "{}-{}".format(*position)


def is_position(text: str) -> bool:
    """Say whether the store takes a text as a stream id."""
    parts = text.split("-")
    return len(parts) == 2 and all(  # noqa: PLR2004 - milliseconds and number
        part.isdecimal() and part.isascii() and int(part) <= PART_MAX for part in parts
    )
