"""Keeps every call of a run, and writes what was answered in each second at its end."""

import time
from pathlib import Path
from typing import Any

from locust import events
from locust.env import Environment

from loadtest.latencies import Recorder
from loadtest.locust.reporter import REQUEST_TYPE


class History:
    """All runs of this process: one that is started again on the page forgets no failure."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began: float | None = None
        self._recorder = Recorder()

    def start(self, **_: Any) -> None:
        """Begin, with the first run."""
        if self._began is None:
            self._began = time.monotonic()

    def take(
        self,
        request_type: str,
        name: str,
        response_time: float,
        exception: Exception | None,
        **_: Any,
    ) -> None:
        """Take note of a call."""
        assert self._began is not None
        at_s = time.monotonic() - self._began
        if exception is None and request_type == REQUEST_TYPE:
            self._recorder.answered(at_s, response_time, name)
        else:
            self._recorder.failed(at_s, f"{name}: {exception}")

    def write(self, **_: Any) -> None:
        """Write the file."""
        self._recorder.timeline().write(self._path)


@events.init.add_listener
def _(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options is not None and options.timeline:
        history = History(Path(options.timeline))
        events.test_start.add_listener(history.start)
        events.request.add_listener(history.take)
        # The last event: by then every user has ended what it had open.
        events.quit.add_listener(history.write)
