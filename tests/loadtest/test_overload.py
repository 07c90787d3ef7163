"""Under several times the peak every call is answered rightly, or not sent. No figure is judged."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.flood import NOT_SENT, OK, RESOURCE_EXHAUSTED, UNANSWERED, Tally
from loadtest.overload import BELOW_AIM, Round

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.xdist_group("services")
def test_it_runs_and_everything_is_charged_or_refused_and_the_books_are_right() -> None:
    arguments = ["--seconds", "0.5", "--rounds", "1", "--in-flight", "8"]

    done = subprocess.run(
        [sys.executable, "-m", "loadtest.overload", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode in (0, BELOW_AIM), done.stdout + done.stderr
    audit, last = done.stdout.splitlines()[-2:]
    counted = re.fullmatch(r"audit: 0 differences; ([\d,]+) OK, ([\d,]+) journaled", audit)
    assert counted is not None, audit
    assert counted[1] == counted[2] != "0"
    assert last.endswith(", 0 answers of another kind")


def test_an_answer_of_another_kind_is_counted() -> None:
    peak, over = Tally(0, 1), Tally(0, 1)
    for status in (OK, OK, RESOURCE_EXHAUSTED):
        peak.add(status, 0.5)
    for status in (OK, OK, RESOURCE_EXHAUSTED, NOT_SENT, UNANSWERED, "14"):
        over.add(status, 0.5)
    over.add(OK, 1.5)  # in vain

    found = Round(peak, over, 1.0)

    assert (found.ratio, found.other_count, found.charged_count) == (1.0, 2, 5)
