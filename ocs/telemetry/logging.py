"""Log lines: one JSON object each, written by one step instead of a chain of processors.

A line costs a few microseconds, a filtered one half of one, so each call may afford its canonical
line. JSON escapes line ends: no value can split a line or add a key.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any, BinaryIO, Final, Literal

import orjson
import structlog

LogLevel = Literal["debug", "info", "warning", "error"]

_LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class LineSink:
    """Writes lines to a byte stream, one at a time; a broken stream costs the line, not the call.

    lost_count: lines that could not be written.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.lost_count = 0

    def msg(self, line: bytes) -> None:
        """Write one line and flush it, so that a killed process loses none it had written."""
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self.lost_count += 1

    debug = info = warning = error = critical = exception = msg


class _Renderer:
    """Turns an event into its line. The second of a time stamp is formatted once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def __call__(self, _: Any, level: str, event: MutableMapping[str, Any]) -> bytes:
        second, millisecond = divmod(time.time_ns() // 1_000_000, 1000)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._second = second
        line = {"time": f"{self._prefix}{millisecond:03d}Z", "level": level, **event}
        if "exc_info" in line:
            _format_exception(line)
        try:
            return orjson.dumps(line, default=repr, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # a lone surrogate, or an integer of more than 64 bits
            return json.dumps(line, default=repr, skipkeys=True).encode("ascii") + b"\n"


def _format_exception(line: dict[str, Any]) -> None:
    error = line.pop("exc_info")
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line["exception"] = "".join(traceback.format_exception(error))


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
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
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
