"""Log lines: one JSON object each, written by one step instead of a chain of processors.

A line costs a few microseconds, a filtered one half of one, so each call may afford its canonical
line. JSON escapes line ends: no value can split a line or add a key.
"""

import asyncio
import json
import logging
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any, BinaryIO, Final, Literal, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

LogLevel = Literal["debug", "info", "warning", "error"]

_LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


# A turn of more lines, or a loop that was closed before its flush, makes no line wait longer.
_UNFLUSHED_MAX: Final = 64


class LineSink:
    """Writes lines to a byte stream; a broken stream costs the line, not the call.

    On an event loop the lines of one turn are flushed together, at its end: the calls that a batch
    answers end in one turn, and a system call for each line costs 3 us. A killed process loses at
    most the lines of the turn it died in. Elsewhere each line is flushed at once.

    lost_count: lines that could not be written.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._unflushed_count = 0
        self.lost_count = 0

    def msg(self, line: bytes) -> None:
        """Write one line."""
        try:
            self._stream.write(line)
        except (OSError, ValueError):  # ValueError: the stream was closed
            self.lost_count += 1
            return
        self._unflushed_count += 1
        if 1 < self._unflushed_count < _UNFLUSHED_MAX:
            return  # whoever wrote the first of them has seen to it
        try:
            asyncio.get_running_loop().call_soon(self._flush)
        except RuntimeError:  # no loop in this thread
            self._flush()

    debug = info = warning = error = critical = exception = msg

    def _flush(self) -> None:
        count, self._unflushed_count = self._unflushed_count, 0
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self.lost_count += count


class _Renderer:
    """Turns an event into its line. The second of a time stamp is formatted once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def __call__(self, _: Any, level: str, event: MutableMapping[str, Any]) -> bytes:
        return self.line({"time": self.time(), "level": level, **event})

    def time(self) -> str:
        """The time stamp of a line that is made now."""
        second, millisecond = divmod(time.time_ns() // 1_000_000, 1000)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._second = second
        return f"{self._prefix}{millisecond:03d}Z"

    @staticmethod
    def line(fields: dict[str, Any]) -> bytes:
        """Write the fields of a line, in their order."""
        if "exc_info" in fields:
            _format_exception(fields)
        try:
            return orjson.dumps(fields, default=repr, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # a lone surrogate, or an integer of more than 64 bits
            return json.dumps(fields, default=repr, skipkeys=True).encode("ascii") + b"\n"


def _format_exception(line: dict[str, Any]) -> None:
    error = line.pop("exc_info")
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line["exception"] = "".join(traceback.format_exception(error))


def _logger_class(least_level: int, renderer: _Renderer) -> type[FilteringBoundLogger]:
    """The class of every logger: structlog's own, but `info`, the level of a call's line.

    The same line comes out. structlog's way there, three calls deep with two copies of the fields,
    costs as much again as the line itself (4.8 -> 2.4 us).
    """
    filtering: Any = structlog.make_filtering_bound_logger(least_level)
    if least_level > logging.INFO:
        return cast("type[FilteringBoundLogger]", filtering)

    class Logger(filtering):  # type: ignore[misc]  # structlog makes it at runtime
        def info(self, event: str, *args: object, **fields: object) -> None:
            start = {"time": renderer.time(), "level": "info", **self._context}
            fields["event"] = event % args if args else event
            self._logger.msg(renderer.line({**start, **fields}))

    return cast("type[FilteringBoundLogger]", Logger)


class _StandardLibraryHandler(logging.Handler):
    """Takes what libraries log into the same lines."""

    def __init__(self, sink: LineSink, renderer: _Renderer) -> None:
        super().__init__()
        self._sink = sink
        self._renderer = renderer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises into the library that logs."""
        try:
            event: dict[str, Any] = {"event": record.getMessage(), "logger": record.name}
        except (TypeError, ValueError):  # arguments that do not fit the text
            event = {"event": str(record.msg), "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info[1]
        self._sink.msg(self._renderer(None, record.levelname.lower(), event))


def configure_logging(*, level: LogLevel, stream: BinaryIO) -> LineSink:
    """Send every line of this process, those of libraries included, to `stream`.

    Lines below `level` are dropped. Returns the sink, whose losses are a metric.
    """
    sink, renderer = LineSink(stream), _Renderer()
    structlog.configure(
        processors=[renderer],
        wrapper_class=_logger_class(_LEVELS[level], renderer),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _StandardLibraryHandler):
            root.removeHandler(handler)
    root.addHandler(_StandardLibraryHandler(sink, renderer))
    # Libraries narrate below warning; their faults are what an operator needs.
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    return sink
