"""The exit codes, and what standard error says."""

from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from grpc_health.v1 import health_pb2
from typer.testing import CliRunner

from ocs.cli import exits, local
from ocs.cli.main import app
from ocs.client import Outcome
from ocs.v1 import charging_service_pb2, error_reason_pb2, types_pb2
from tests.cli.conftest import Run
from tests.client.scripted import NAME, Script, answer, fail, hang, refused, reported

RESERVE = ("reserve", "alice", "data", "100")


def problem(stderr: str) -> tuple[str, str]:
    """The two lines of an error."""
    what, step = stderr.splitlines()
    assert step.startswith("next: ")
    return what, step


def test_a_refusal_is_shown_and_exits_with_3(run: Run, script: Script) -> None:
    script.on("Reserve", answer(refused()))

    text = run(*RESERVE)
    machine = run(*RESERVE, "--json")

    assert (text.exit_code, machine.exit_code) == (exits.REFUSED, exits.REFUSED)
    assert orjson.loads(machine.stdout)["outcome"] == "CREDIT_LIMIT_REACHED"
    assert problem(text.stderr)[0] == "refused: CREDIT_LIMIT_REACHED"
    assert "top-up" in problem(text.stderr)[1]


def test_a_refused_debit_and_a_refused_next_grant_exit_with_3(run: Run, script: Script) -> None:
    script.on(
        "Debit",
        answer(charging_service_pb2.DebitResponse(outcome=types_pb2.OUTCOME_SERVICE_DENIED)),
    )
    script.on("Commit", answer(reported(0, "OUTCOME_SPENDING_CAP_REACHED")))

    debit = run("debit", "alice", "sms", "1", "--basis", "authorize")
    commit = run("commit", NAME, "60", "--next", "100")

    assert (debit.exit_code, commit.exit_code) == (exits.REFUSED, exits.REFUSED)
    assert "60 for 0.0006" in commit.stdout  # charged all the same


@pytest.mark.parametrize(
    ("code", "reason", "exit_code"),
    [
        ("INVALID_ARGUMENT", "INVALID_FIELD", exits.REQUEST),
        ("NOT_FOUND", "ACCOUNT_NOT_FOUND", exits.REQUEST),
        ("ALREADY_EXISTS", "REQUEST_ID_REUSED", exits.REQUEST),
        ("FAILED_PRECONDITION", "UNIT_MISMATCH", exits.REQUEST),
        ("PERMISSION_DENIED", "", exits.REQUEST),
        ("UNAUTHENTICATED", "", exits.REQUEST),
        ("RESOURCE_EXHAUSTED", "", exits.UNAVAILABLE),
        ("UNAVAILABLE", "STORE_FULL", exits.UNAVAILABLE),
        ("UNAVAILABLE", "STORE_UNAVAILABLE", exits.UNAVAILABLE),
        ("DEADLINE_EXCEEDED", "DEADLINE_TOO_SHORT", exits.UNAVAILABLE),
        ("INTERNAL", "STATE_CORRUPT", exits.FAULT),
    ],
)
def test_an_error_says_what_and_what_next(
    run: Run, script: Script, code: str, reason: str, exit_code: int
) -> None:
    script.on("Reserve", fail(code, reason, "a rule\x1b[2Jof the service"))

    result = run(*RESERVE, "--timeout", "0.3", "--json")

    assert result.exit_code == exit_code
    assert not result.stdout
    what, _ = problem(result.stderr)
    assert what.startswith("error: ")
    assert code in what
    assert reason in what
    assert "\x1b" not in result.stderr


def test_an_unknown_outcome_says_how_to_resolve_it(run: Run, script: Script) -> None:
    script.on("Commit", hang)

    result = run("commit", NAME, "60", "--timeout", "0.3")

    assert result.exit_code == exits.UNAVAILABLE
    what, step = problem(result.stderr)
    assert "outcome unknown" in what
    (request,) = script.requests("Commit")
    assert f"--request-id {request.request_id}" in step
    words = step.split()
    given = words[words.index("--request-time") + 1].rstrip(":")
    assert given == request.request_time.ToJsonString()


def test_an_absent_service_is_named() -> None:
    result = CliRunner().invoke(app, ["account", "show", "a", "--target", "127.0.0.1:1"])

    assert result.exit_code == exits.UNAVAILABLE
    what, step = problem(result.stderr)
    assert what == "error: no service answers at 127.0.0.1:1"
    assert "ocs up" in step


@pytest.mark.parametrize(
    "line",
    [
        "reserve alice data 1e3",
        "reserve alice data 007",
        "reserve alice data +5",
        "reserve alice data -5",
        "reserve alice data 1.5",
        "reserve tel:1 data 5",
        "reserve alice data 5 --timeout 0",
        "reserve alice data 5 --event-time yesterday",
        "top-up alice --money 1.1234567 --currency EUR --reference P",
        "top-up alice --money NaN --currency EUR --reference P",
        "top-up alice --money 1 --units 1 --reference P",
        "top-up alice --reference P",
        "cap set alice c --period fortnight --money 1",
        "cap set alice c --period day --money 1 --service data --zone eu",
        "cap set alice c --period day",
        "commit alice/r1 5 --keep --next 5",
        "debit alice sms 1",
        "nonsense",
    ],
)
def test_a_wrong_command_line_sends_nothing(run: Run, script: Script, line: str) -> None:
    result = run(*line.split())

    assert result.exit_code == exits.USAGE, result.output
    assert result.stderr
    assert script.calls == []


def test_health_exits_by_what_it_hears(run: Run, script: Script) -> None:
    serving, not_serving = (health_pb2.HealthCheckResponse(status=status) for status in (1, 2))
    script.on("Check", answer(serving), answer(not_serving))

    assert run("health").exit_code == exits.DONE
    assert run("health").exit_code == exits.UNAVAILABLE


def test_every_reason_and_refusal_has_a_next_step() -> None:
    # Nothing is known to do about these two but what their family says.
    general = {"UNSPECIFIED", "INTERNAL"}
    reasons = {
        name.removeprefix("ERROR_REASON_")
        for name in error_reason_pb2.ErrorReason.keys()  # noqa: SIM118  # no dict
    }
    done = {Outcome.UNSPECIFIED, Outcome.GRANTED, Outcome.CHARGED, Outcome.RELEASED}

    assert set(exits._BY_REASON) == reasons - general
    assert set(exits._BY_OUTCOME) == set(Outcome) - done


@dataclass(frozen=True)
class Difference:
    tenant: str = "main"
    account_id: str = "alice"
    term: str = "bucket main balance"
    stored: int = 5
    journal: int = 4


@dataclass(frozen=True)
class Report:
    differences: list[Difference] = field(default_factory=list)
    difference_count: int = 0
    account_count: int = 2
    event_count: int = 17


@pytest.mark.parametrize("differences", [[], [Difference()]])
def test_the_audit_says_what_differs(
    monkeypatch: pytest.MonkeyPatch, differences: list[Difference]
) -> None:
    monkeypatch.setattr(local, "audit", lambda *_: Report(differences, len(differences)))
    exit_code = exits.FAULT if differences else exits.DONE

    text = CliRunner().invoke(app, ["audit"])
    machine = CliRunner().invoke(app, ["audit", "--json"])

    assert (text.exit_code, machine.exit_code) == (exit_code, exit_code)
    report = orjson.loads(machine.stdout)
    assert report["ok"] is (not differences)
    assert report["difference_count"] == len(differences)
    assert (report["account_count"], report["event_count"]) == (2, 17)
    if differences:
        assert report["differences"] == [
            {
                "tenant": "main",
                "account_id": "alice",
                "term": "bucket main balance",
                "stored": 5,
                "journal": 4,
            }
        ]
        for shown in ("alice", "bucket main balance", "5", "4"):
            assert shown in text.stdout
    else:
        assert text.stdout.startswith("audit:  ok (2 accounts, 17 events)")


def test_an_audit_counts_more_differences_than_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "audit", lambda *_: Report([Difference()], 12_345))

    text = CliRunner().invoke(app, ["audit"])
    machine = CliRunner().invoke(app, ["audit", "--json"])

    assert (text.exit_code, machine.exit_code) == (exits.FAULT, exits.FAULT)
    assert "audit:  12345 differences (2 accounts, 17 events; the first 1 are shown)" in text.stdout
    report = orjson.loads(machine.stdout)
    assert (report["difference_count"], len(report["differences"])) == (12_345, 1)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_audit_without_a_store_says_so(tmp_path: Path, more: tuple[str, ...]) -> None:
    url = f"unix://{tmp_path}/nobody-listens"

    result = CliRunner().invoke(app, ["audit", "--store-url", url, *more])

    assert result.exit_code == exits.UNAVAILABLE
    assert not result.stdout
    what, step = problem(result.stderr)
    assert what == "error: no audit: the store does not answer, or was lost during the audit"
    assert "run it again" in step


@pytest.mark.parametrize("url", ["http://localhost", "nonsense"])
def test_an_audit_of_what_is_no_store_says_so(url: str) -> None:
    result = CliRunner().invoke(app, ["audit", "--store-url", url])

    assert result.exit_code == exits.UNAVAILABLE
    assert "redis://" in problem(result.stderr)[0]


def test_an_audit_of_an_empty_place_does_not_pass(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for name in ("absent", "file"):
        result = CliRunner().invoke(app, ["audit", "--data-dir", str(tmp_path / name)])

        assert result.exit_code == exits.UNAVAILABLE
        assert problem(result.stderr)[0].startswith("error: no audit: ")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_an_audit_has_one_store(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["audit", "--store-url", "redis://localhost", "--data-dir", str(tmp_path)]
    )

    assert result.exit_code == exits.USAGE
    assert problem(result.stderr)
