"""Log lines: one JSON object each, whatever is in them and wherever they come from."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ocs.telemetry.logging import LogLevel, configure_logging


@pytest.fixture(autouse=True)
def _log_configuration() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(level: LogLevel = "info") -> tuple[Any, io.BytesIO]:
    stream = io.BytesIO()
    configure_logging(level=level, stream=stream)
    return structlog.get_logger(), stream


def line_in(stream: io.BytesIO) -> dict[str, Any]:
    (line,) = stream.getvalue().split(b"\n")[:-1]
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_is_an_object_with_time_and_level() -> None:
    log, stream = logged()
    log.warning("store lost", node="a", count=2)
    line = line_in(stream)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {"level": "warning", "event": "store lost", "node": "a", "count": 2}


@given(text=st.text(st.characters(codec=None)))
def test_no_text_splits_a_line(text: str) -> None:
    log, stream = logged()
    log.info("rpc", request_id=text)

    assert line_in(stream)["request_id"] == text


@pytest.mark.parametrize("value", ["\ud800", 2**70, {1: 2}, object(), b"\xff", float("nan")])
def test_a_value_that_is_no_json_costs_no_line(value: object) -> None:
    log, stream = logged()
    log.info("odd", value=value)

    assert line_in(stream)["event"] == "odd"


def test_an_exception_stays_on_its_line() -> None:
    log, stream = logged()
    error = RuntimeError("first\nsecond")
    log.warning("failed", exc_info=error)
    try:
        raise error
    except RuntimeError:
        log.exception("failed again")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [line["event"] for line in lines] == ["failed", "failed again"]
    assert all("first\nsecond" in line["exception"] for line in lines)


def test_lines_below_the_level_are_dropped() -> None:
    log, stream = logged("warning")
    log.info("rpc")
    log.warning("store lost")

    assert line_in(stream)["event"] == "store lost"


def test_what_libraries_log_is_a_line_too() -> None:
    _, stream = logged()
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("lost %s\n", "a node")
    line = line_in(stream)

    assert (line["event"], line["logger"], line["level"]) == (
        "lost a node\n",
        "some.library",
        "warning",
    )


def test_a_library_that_misuses_its_logger_is_heard() -> None:
    _, stream = logged()
    root = logging.getLogger()
    root.handlers[:] = root.handlers[-1:]  # the test runner's own would raise
    logging.getLogger("some.library").error("%d lost", "three")

    assert line_in(stream)["event"] == "%d lost"


def test_configuring_again_moves_the_lines() -> None:
    _, first = logged()
    _, second = logged()
    logging.getLogger("some.library").warning("once")

    assert first.getvalue() == b""
    assert line_in(second)["event"] == "once"


class BrokenPipe(io.BytesIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_a_broken_stream_costs_the_line_and_is_counted() -> None:
    sink = configure_logging(level="info", stream=BrokenPipe())
    structlog.get_logger().info("rpc")

    assert sink.lost_count == 1


def test_a_closed_stream_costs_the_line_and_is_counted() -> None:
    stream = io.BytesIO()
    sink = configure_logging(level="info", stream=stream)
    stream.close()
    structlog.get_logger().info("rpc")

    assert sink.lost_count == 1


class Flushes(io.BytesIO):
    count = 0

    def flush(self) -> None:
        self.count += 1


async def test_the_lines_of_one_turn_of_the_loop_are_flushed_together() -> None:
    stream = Flushes()
    configure_logging(level="info", stream=stream)
    log = structlog.get_logger()
    for _ in range(3):
        log.info("rpc")
    assert stream.count == 0
    await asyncio.sleep(0)
    assert (stream.count, stream.getvalue().count(b"\n")) == (1, 3)


def test_lines_outlive_a_loop_that_was_closed_before_their_flush() -> None:
    stream = Flushes()
    configure_logging(level="info", stream=stream)
    log = structlog.get_logger()
    loop = asyncio.new_event_loop()
    loop.call_soon(loop.stop)
    loop.call_soon(log.info, "last of a loop")
    loop.run_forever()
    loop.close()
    for _ in range(64):
        log.info("off any loop")

    assert stream.count > 0
