"""`ocs export cdr`: a file that is there whole, or not at all."""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ocs.cli import exits
from ocs.v1 import insights_service_pb2 as pb
from tests.cli.conftest import Run
from tests.cli.insights_cases import AS_OF
from tests.client.scripted import Script, fail

LINE = ["export", "cdr", "--from", "2026-11-23T11:00:00+01:00", "--to", "2026-11-23T12:00:00Z"]
DATA = b"format\ncharges/1\n" * 3
NAME = "cdr-charges-20261123T100000Z-20261123T120000Z.csv"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def begun() -> pb.ExportEventsResponse:
    message = pb.ExportBegun(as_of=AS_OF, row_count=3)
    message.start_time.FromJsonString("2026-11-23T10:00:00Z")
    message.end_time.FromJsonString("2026-11-23T12:00:00Z")
    return pb.ExportEventsResponse(begun=message)


def ended(data: bytes = DATA) -> pb.ExportEventsResponse:
    total = pb.ExportTotal(currency="EUR", row_count=3)
    total.sums.add(column="charged_micros", micros=12_500_000)
    digest = hashlib.sha256(data).hexdigest()
    message = pb.ExportEnded(row_count=3, byte_count=len(data), sha256=digest, totals=[total])
    return pb.ExportEventsResponse(ended=message)


def parts() -> list[pb.ExportEventsResponse]:
    pieces = (DATA[:7], DATA[7:])
    return [pb.ExportEventsResponse(part=pb.ExportPart(data=one, row_count=3)) for one in pieces]


def sending(script: Script, *messages: pb.ExportEventsResponse, then: Any = None) -> None:
    def serve(request: Any, context: Any) -> Iterator[pb.ExportEventsResponse]:
        yield from messages
        if then is not None:
            then(request, context)

    script.on("ExportEvents", serve)  # type: ignore[arg-type]  # a stream's step gives several


def test_a_file_is_written_and_told_of(run: Run, script: Script, tmp_path: Path) -> None:
    sending(script, begun(), *parts(), ended())

    result = run(*LINE, "--json")

    assert result.exit_code == 0, result.stderr
    (call,) = script.calls
    assert call.request.kind == pb.EXPORT_KIND_CHARGES
    assert call.request.format == pb.EXPORT_FORMAT_CSV
    assert call.request.start_time.ToJsonString() == "2026-11-23T10:00:00Z"
    assert not call.request.partial
    assert call.remaining_s > 3000
    (file,) = tmp_path.iterdir()
    assert (file.name, file.read_bytes()) == (NAME, DATA)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = orjson.loads(result.stdout)
    assert told["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert (told["row_count"], told["byte_count"]) == (3, len(DATA))
    assert (told["start_time"], told["end_time"]) == (
        "2026-11-23T10:00:00Z",
        "2026-11-23T12:00:00Z",
    )
    assert told["totals"] == [
        {"currency": "EUR", "row_count": 3, "sums": {"charged_micros": 12_500_000}}
    ]


def test_it_prints_totals_for_a_human(run: Run, script: Script) -> None:
    sending(script, begun(), *parts(), ended())

    shown = run(*LINE, "--kind", "charges", "--out", "mine.csv").stdout

    assert "mine.csv" in shown
    assert "12.50" in shown
    assert "charged" in shown
    assert "Europe/Berlin" in shown


def test_a_file_that_is_there_stays_unless_forced(run: Run, script: Script, tmp_path: Path) -> None:
    sending(script, begun(), *parts(), ended())
    path = tmp_path / "there.parquet"
    path.write_bytes(b"before")
    line = [*LINE, "--format", "parquet", "--out", str(path)]

    refused = run(*line)
    assert refused.exit_code == exits.USAGE
    assert "--force" in refused.stderr
    assert path.read_bytes() == b"before"
    assert [*tmp_path.iterdir()] == [path]

    assert run(*line, "--force").exit_code == 0
    assert path.read_bytes() == DATA
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    "broken",
    [
        ([begun(), *parts()], None, exits.FAULT),
        ([begun(), parts()[0], ended()], None, exits.FAULT),
        ([begun(), *parts(), ended(b"other")], None, exits.FAULT),
        ([begun(), *parts()], fail("UNAVAILABLE", "FIGURES_BEHIND"), exits.UNAVAILABLE),
        ([], fail("UNAVAILABLE", "FIGURES_BEHIND"), exits.UNAVAILABLE),
        ([], fail("PERMISSION_DENIED", "ROLE_MISSING"), exits.REQUEST),
    ],
    ids=["no end", "a part missing", "another digest", "broken off", "behind", "not allowed"],
)
def test_what_breaks_off_leaves_no_file(
    run: Run, script: Script, tmp_path: Path, broken: Any
) -> None:
    messages, then, code = broken
    sending(script, *messages, then=then)

    result = run(*LINE)

    assert result.exit_code == code, result.stderr
    assert result.stderr.startswith("error: ")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "more",
    [
        ["--kind", "everything"],
        ["--format", "xlsx"],
        ["--from", "2026-11-23T11:00:00"],
        ["--to", "tomorrow"],
        ["--out", "/nowhere/at/all.csv"],
    ],
)
def test_a_line_that_makes_no_sense_is_refused(
    run: Run, script: Script, tmp_path: Path, more: list[str]
) -> None:
    sending(script, begun(), *parts(), ended())

    assert run(*LINE, *more).exit_code == exits.USAGE
    assert [*tmp_path.iterdir()] == []
