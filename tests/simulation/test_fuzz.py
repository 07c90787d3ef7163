"""A small share of `make fuzz`, and that it would see what it looks for."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns.fuzz import Fuzz, bad_lines, run_fuzz
from tests.campaigns.support.hostile import Hostile
from tests.support.methods import METHODS

SEED = 11
CALLS = 4000


@pytest.mark.xdist_group("services")
def test_whatever_is_sent_is_answered_rightly(tmp_path: Path) -> None:
    result = run_fuzz(tmp_path, CALLS, SEED)

    assert result.violations == []
    assert result.figures["calls"] == CALLS
    answers: Any = result.figures["answers"]
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED"} <= answers.keys()


@pytest.mark.parametrize(
    ("status", "trailers", "hurried", "violates"),
    [
        ("0", b"", False, False),
        ("3", b"a field breaks a rule", False, False),
        ("2", b"", False, True),
        ("13", b"internal error", False, True),
        ("13", b"Error parsing 'x-b-bin' metadata", False, False),
        ("14", b"", False, True),
        ("14", b"STORE_UNAVAILABLE", False, True),
        ("14", b"ACCOUNT_BUSY", False, False),
        ("4", b"", False, True),
        ("4", b"", True, False),
        ("unanswered", b"", True, True),
        ("reset 8", b"", True, True),
        ("3", b"Traceback (most recent call last)", False, True),
        ("9", b"the socket /tmp/x is closed", False, True),
        ("16", b"you are not s3cret", False, True),
    ],
)
def test_what_may_not_be_answered_is_seen(
    status: str, trailers: bytes, hurried: bool, violates: bool
) -> None:
    fuzz = Fuzz(Hostile(random.Random(SEED)), [], [], (b"s3cret",))

    fuzz._judge("right", "/x/Debit", b"", (status, b"", trailers), hurried=hurried)

    assert bool(fuzz.violations) is violates


def test_every_method_is_called_rightly_and_in_every_wrong_way() -> None:
    hostile = Hostile(random.Random(SEED))
    drawn = [hostile.draw() for _ in range(5000)]

    called = {path.rsplit("/", 1)[-1] for kind, path, _ in drawn if kind == "right"}
    assert called == set(METHODS)
    assert {kind for kind, _, _ in drawn} == {
        "right", "odd", "flipped", "cut", "spliced", "doubled", "noise", "unknown fields",
        "wrong types", "nested", "bad text", "large", "resend", "wrong method",
    }  # fmt: skip


def test_a_line_of_the_log_that_is_none_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b'{"event": "rpc"}\nab"}\n{"event": "rpc failed"}\n')

    assert [text[:8] for text in bad_lines(log)] == ["log: no ", 'log: {"e']
