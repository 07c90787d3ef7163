"""`make bad-inputs`: every bad input by number, and what the service answered in this very run.

Runs the tests of tests/bad_inputs and prints, for each row, the codes with their reasons or
outcomes that the callers saw, and what the store was found to hold: `unchanged`, or the events in
its journals. Fails if a test does, and on a row of which nothing was seen and that waits for
nothing.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from rich.console import Console
from rich.table import Table

from tests.bad_inputs import rows
from tests.support.seen import SEEN, UNCHANGED, Seen

WIDTH = 150
ANSWERS_SHOWN_MAX = 4
STATES_SHOWN_MAX = 1


@dataclass(slots=True)
class Recorder:
    """A pytest plugin: what each test saw, by the name of its function."""

    by_test: dict[str, Seen] = field(default_factory=lambda: defaultdict(Seen))
    failed: set[str] = field(default_factory=set)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Function) -> Iterator[None]:
        """Attribute what is seen from the set-up to the end of the teardown to the test."""
        SEEN.taken()
        result = yield
        seen, whole = SEEN.taken(), self.by_test[item.originalname]
        whole.answers += seen.answers
        whole.states += seen.states
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed in any of its phases."""
        if report.failed:
            self.failed.add(report.nodeid)


def seen_of(row: int, by_test: Mapping[str, Seen]) -> Seen:
    """What the tests of a row saw together."""
    whole = Seen()
    for name in rows.SHOWN.get(row, ()):
        if name in by_test:
            whole.answers += by_test[name].answers
            whole.states += by_test[name].states
    return whole


def missing(by_test: Mapping[str, Seen]) -> list[int]:
    """The rows that should have been shown and of which no answer was seen."""
    return [row for row in rows.SHOWN if not seen_of(row, by_test).answers]


def answers_of(seen: Seen) -> str:
    """The refusals and decisions; what set the stage is told only if there was nothing else."""
    told = {pair: count for pair, count in seen.answers.items() if pair != ("OK", "")}
    parts = [
        f"{code} {reason}".strip() + f" x{count}"
        for (code, reason), count in _by_weight(Counter(told or seen.answers))
    ]
    return _short(parts, ANSWERS_SHOWN_MAX)


def state_of(seen: Seen) -> str:
    """What was found in the store; how often it was compared and equal comes first."""
    states = Counter(seen.states)
    equal = states.pop(UNCHANGED, 0)
    if equal:
        return f"{UNCHANGED} x{equal}"
    told = [f"journal: {state or 'empty'}" for state, _ in states.most_common()]
    return _short(told, STATES_SHOWN_MAX)


def _by_weight(answers: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    """Failures first, then decisions, each by how often."""
    return sorted(answers.items(), key=lambda item: (item[0][0] == "OK", -item[1]))


def _short(parts: list[str], most: int) -> str:
    more = len(parts) - most
    return "; ".join(parts[:most]) + (f"; {more} more" if more > 0 else "")


def table(by_test: Mapping[str, Seen]) -> Table:
    """The report."""
    report = Table("row", "tests", "answers seen", "state")
    for row in rows.NUMBERS:
        if row in rows.LATER:
            report.add_row(str(row), "-", f"not yet: {rows.LATER[row]}", "-")
            continue
        seen = seen_of(row, by_test)
        names = [name for name in rows.SHOWN[row] if name in by_test]
        report.add_row(str(row), str(len(names)), answers_of(seen) or "MISSING", state_of(seen))
    return report


def main() -> int:
    """Run the tests, print the table; 1 if a test failed or a row is missing."""
    faults = rows.faults()
    recorder = Recorder()
    arguments = ["-q", "--no-header", "-p", "no:xdist", str(rows.TESTS)]
    status = pytest.main(arguments, plugins=[recorder])
    Console(width=WIDTH).print(table(recorder.by_test))
    for fault in faults:
        print(f"bad-inputs: {fault}", file=sys.stderr)
    lost = missing(recorder.by_test)
    print(
        f"bad-inputs: {len(rows.SHOWN) - len(lost)} rows shown, {len(rows.LATER)} not yet"
        f" ({', '.join(map(str, rows.LATER))}), {len(lost)} missing,"
        f" {len(recorder.failed)} tests failed"
    )
    return 1 if status or faults or lost else 0


if __name__ == "__main__":
    sys.exit(main())
