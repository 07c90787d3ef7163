"""Entries as a journal has them, and segments made of them."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from ocs.archive.segment import Name
from ocs.archive.writer import SegmentDraft
from ocs.domain.position import parse_position
from ocs.ports import JournalRun

MS = 1_763_899_200_000  # 2025-11-23T12:00:00Z


def position(number: int) -> str:
    """The position of a journal's n-th entry, one a second."""
    return f"{MS + number * 1000}-0" if number else ""


def line(partition: int, number: int, account: str = "") -> bytes:
    """An event's line; its `prev` is the entry before it."""
    name = account or f"a{partition}"
    prev = position(number - 1) or "-"
    words = f"1 DEBIT main/{name} {number} {MS + number * 1000} {prev} RATING_FAILED - u=1"
    return words.encode()


def run(partition: int, numbers: Iterable[int]) -> JournalRun:
    """Entries of a partition by their numbers, from 1."""
    some = list(numbers)
    return JournalRun(
        partition,
        [position(number) for number in some],
        [line(partition, number) for number in some],
        [b"\x00context %d" % number for number in some],
    )


def segment(
    directory: Path, spans: dict[int, tuple[int, int]], epoch: int = 1, text: str = ""
) -> Name:
    """Write a segment with entries behind a number up to another of some partitions."""
    draft = SegmentDraft()
    for partition, (behind, up_to) in spans.items():
        entries = run(partition, range(behind + 1, up_to + 1))
        if text:
            entries = entries._replace(contexts=[text.encode()] * len(entries.contexts))
        draft.add(parse_position(position(behind)), entries)
    return draft.write(directory, epoch)


def follow_each_other(numbers: list[int]) -> bool:
    """Whether numbers rise by one."""
    return all(after == before + 1 for before, after in pairwise(numbers))
