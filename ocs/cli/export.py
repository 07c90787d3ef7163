"""Export what entered the books, row by row, into a file for the batches behind."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from ocs.cli import options, parse
from ocs.cli.command import command
from ocs.cli.output import Block, Fields, Listing, progress
from ocs.cli.parse import decimal_of
from ocs.cli.report_state_views import blocks_of
from ocs.cli.report_views import as_of_fields
from ocs.cli.views import moment
from ocs.client import Client, UsageError
from ocs.client.export import (
    ExportBegun,
    ExportEnded,
    ExportFormat,
    ExportKind,
    ExportPart,
    ExportPiece,
    ExportTotal,
)
from ocs.client.insights import AsOf

export_app = typer.Typer(help="Files for the batches behind.", no_args_is_help=True)

# A month of a large operator takes minutes.
_TIMEOUT_S: Final = 3600.0
_KINDS: Final = {kind.lower(): kind for kind in ExportKind}
_FORMATS: Final = {one.lower(): one for one in ExportFormat}


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A file that is there whole. end_time: where the next export begins."""

    file: str
    kind: ExportKind
    format: ExportFormat
    start_time: datetime | None
    end_time: datetime | None
    as_of: AsOf
    row_count: int
    byte_count: int
    sha256: str
    totals: tuple[ExportTotal, ...]


def _one_of(known: dict[str, ExportKind] | dict[str, ExportFormat]) -> Callable[[str], object]:
    def parser(text: str) -> object:
        # typer hands it the default, too, which is a word in capitals.
        found = known.get(text.lower())
        if found is None:
            raise ValueError(f"must be one of {', '.join(known)}")
        return found

    return parser


From = Annotated[
    datetime,
    typer.Option("--from", metavar="TIME", parser=options.INSTANT, help="From, inclusive."),
]
To = Annotated[
    datetime, typer.Option("--to", metavar="TIME", parser=options.INSTANT, help="To, exclusive.")
]
Kind = Annotated[
    ExportKind,
    typer.Option(
        "--kind",
        metavar="|".join(_KINDS),
        parser=parse.argument(_one_of(_KINDS)),
        help="What a row is; default charges.",
    ),
]
Format = Annotated[
    ExportFormat,
    typer.Option(
        "--format",
        metavar="|".join(_FORMATS),
        parser=parse.argument(_one_of(_FORMATS)),
        help="What file; default csv.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Default named after kind and range, here."),
]
Partial = Annotated[
    bool, typer.Option("--partial", help="If the figures are not so far, as far as they are.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


@command(
    export_app,
    "cdr",
    example="ocs export cdr --from 2026-11-01T00:00:00+01:00 --to 2026-12-01T00:00:00+01:00",
    of_insights=True,
    timeout_s=_TIMEOUT_S,
)
def cdr(
    client: Client,
    *,
    from_time: From,
    to_time: To,
    kind: Kind = ExportKind.CHARGES,
    format_: Format = ExportFormat.CSV,
    out: Out = None,
    partial: Partial = False,
    force: Force = False,
) -> ExportResult:
    """Export the charges of a range as a file, as operator: call detail records.

    The range is of the time at which an event entered the books, so files of ranges side by side
    lose nothing and have nothing twice. docs/exports.md lists the columns.
    """
    with client.export_events(kind, format_, from_time, to_time, partial=partial) as pieces:
        begun = next(pieces)
        assert isinstance(begun, ExportBegun)
        until = _stamp(begun.end_time or to_time)
        named = f"cdr-{kind.lower()}-{_stamp(from_time)}-{until}.{format_.lower()}"
        path = out or Path(named)
        with _new_file(path, force=force) as file:
            ended = _received(pieces, file, begun.row_count)
    return ExportResult(
        file=str(path),
        kind=kind,
        format=format_,
        start_time=begun.start_time,
        end_time=begun.end_time,
        as_of=begun.as_of,
        row_count=ended.row_count,
        byte_count=ended.byte_count,
        sha256=ended.sha256,
        totals=ended.totals,
    )


def _received(pieces: Iterable[ExportPiece], file: IO[bytes], row_count: int) -> ExportEnded:
    """Write what comes; the client has held it against what it was to be."""
    ended: ExportPiece | None = None
    with progress("rows") as tell:
        for piece in pieces:
            if isinstance(piece, ExportPart):
                file.write(piece.data)
                tell(piece.row_count, row_count)
            else:
                ended = piece
    assert isinstance(ended, ExportEnded)
    return ended


def _stamp(at: datetime) -> str:
    """A time as part of a file's name."""
    text = at.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
    millis = at.microsecond // 1000
    return f"{text}{f'.{millis:03d}' if millis else ''}Z"


@contextmanager
def _new_file(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """A file that is there whole or not at all, also when the power fails. Raises UsageError.

    Readable by its owner alone until he says otherwise: who called whom when is in it.
    """
    if path.exists() and not force:
        raise UsageError(f"{path} is there already: name another --out, or give --force")
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    made = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if force:
            made.replace(path)
        else:
            # Unlike a rename, a link replaces nothing, whoever was quicker.
            path.hardlink_to(made)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except FileExistsError as error:
        raise UsageError(f"{path} came there meanwhile and was left alone") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        made.unlink(missing_ok=True)


@blocks_of.register
def _(result: ExportResult) -> list[Block]:
    names = list(result.totals[0].sums) if result.totals else []
    rows = [
        (
            total.currency or "-",
            str(total.row_count),
            *(decimal_of(total.sums.get(name, 0)) for name in names),
        )
        for total in result.totals
    ]
    shown = [name.removesuffix("_micros") for name in names]
    return [
        Fields(
            [
                ("file", result.file),
                ("from", moment(result.start_time)),
                ("to", f"{moment(result.end_time)}, exclusive"),
                ("rows", str(result.row_count)),
                ("bytes", str(result.byte_count)),
                ("sha256", result.sha256),
            ]
        ),
        as_of_fields(result.as_of, truncated=False),
        Listing(("currency", "rows", *shown), rows),
    ]
