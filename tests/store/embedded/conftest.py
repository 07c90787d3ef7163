"""Fixtures of the embedded store's tests: nothing that they start outlives its test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey
from tests.store.embedded.support import Serve, Service, Start


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    started: list[EmbeddedValkey] = []

    def start_one(
        on_progress: Callable[[str], None] | None = None, **options: Any
    ) -> EmbeddedValkey:
        chosen = EmbeddedOptions(**{"data_dir": data_dir, **options})
        started.append(EmbeddedValkey.start(chosen, on_progress))
        return started[-1]

    yield start_one
    for store in started:
        store.stop()


@pytest.fixture
def serve(data_dir: Path) -> Iterator[Serve]:
    started: list[Service] = []

    def serve_one(where: Path | None = None, **options: str) -> Service:
        started.append(Service(where or data_dir, **options))
        return started[-1]

    yield serve_one
    for service in started:
        service.clean_up()
