"""The benchmark runs, and counts no wrong answer. No figure is judged."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadtest.bench import MEASURED
from loadtest.traffic import (
    CHECK,
    MAKE,
    REQUESTED_UNITS,
    USED_UNITS,
    Answers,
    Session,
    Sessions,
    WrongAnswerError,
    continued,
)
from ocs.v1 import charging_service_pb2 as pb
from ocs.v1 import types_pb2

ROOT = Path(__file__).resolve().parents[2]
NAME = "tenants/main/accounts/a/reservations/r"
GRANT = types_pb2.Grant(outcome=types_pb2.OUTCOME_GRANTED, granted_units=REQUESTED_UNITS)
RIGHT: dict[str, Callable[[], Any]] = {
    "Reserve": lambda: pb.ReserveResponse(reservation=NAME, grant=GRANT),
    "Commit": lambda: pb.CommitResponse(
        reservation=NAME,
        grant=GRANT,
        charge=types_pb2.Charge(charged_units=USED_UNITS, charged_micros=5),
    ),
    "Release": lambda: pb.ReleaseResponse(outcome=types_pb2.OUTCOME_RELEASED),
}
WRONG: list[tuple[str, Callable[[Any], None]]] = [
    ("Reserve", lambda reply: setattr(reply.receipt, "replayed", True)),
    ("Reserve", lambda reply: setattr(reply.grant, "granted_units", REQUESTED_UNITS - 1)),
    ("Reserve", lambda reply: setattr(reply.grant, "outcome", 0)),
    ("Commit", lambda reply: setattr(reply.receipt, "replayed", True)),
    ("Commit", lambda reply: reply.ClearField("grant")),
    ("Commit", lambda reply: setattr(reply.charge, "charged_units", USED_UNITS - 1)),
    ("Commit", lambda reply: setattr(reply.charge, "charged_micros", 0)),
    ("Commit", lambda reply: setattr(reply.charge, "late", True)),
    ("Release", lambda reply: setattr(reply.receipt, "replayed", True)),
    ("Release", lambda reply: setattr(reply, "outcome", 0)),
]


@pytest.mark.xdist_group("services")
def test_it_runs_and_prints_its_figures() -> None:
    sizes = {"calls": 40, "rounds": 2, "callers": 4, "connections": 2, "accounts": 3, "batch": 7}
    arguments = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]

    done = subprocess.run(
        [sys.executable, "-m", "loadtest.bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    rows = [line[:20].strip() for line in lines[1:9]]
    names = [*MEASURED, *(f"{name} stream" for name in MEASURED)]
    assert sorted(rows) == sorted([*names, *(f"{name} echo" for name in names)])
    assert "call_count 40, round_count 2, caller_count 4" in done.stdout
    shown = re.fullmatch(r"unary_vs_echo (\d+\.\d\d) \(aim 0\.6\)", lines[-1])
    assert shown is not None, lines[-1]
    assert float(shown[1]) > 0


@pytest.mark.parametrize("method", CHECK)
def test_a_right_answer_passes(method: str) -> None:
    reservation = CHECK[method](RIGHT[method]().SerializeToString())

    assert reservation == ("" if method == "Release" else NAME)


@pytest.mark.parametrize(("method", "spoil"), WRONG)
def test_one_wrong_answer_among_many_ends_the_run(
    method: str, spoil: Callable[[Any], None]
) -> None:
    right = RIGHT[method]().SerializeToString()
    wrong = RIGHT[method]()
    spoil(wrong)
    sessions = [Session("a", str(number)) for number in range(3)]
    answers = Answers([right, right, wrong.SerializeToString()], [0.0] * 3, 1.0)

    with pytest.raises(WrongAnswerError):
        continued(method, sessions, answers)


def test_no_two_sessions_share_a_request_id() -> None:
    sessions = Sessions(["a", "b"])
    opened = [*sessions.open(5), *sessions.open(5), *Sessions(["a", "b"]).open(5)]

    kinds: dict[str, Any] = {
        "Reserve": pb.ReserveRequest,
        "Commit": pb.CommitRequest,
        "Release": pb.ReleaseRequest,
    }
    sent = [
        kinds[method].FromString(make(session))
        for session in opened
        for method, make in MAKE.items()
    ]

    assert len({request.request_id for request in sent}) == len(sent) == 3 * len(opened)
    assert {session.account_id for session in opened} == {"a", "b"}
