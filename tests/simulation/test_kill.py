"""A small share of `make kill`, and what a service does whose embedded store dies."""

import asyncio
from pathlib import Path

import pytest

from tests.campaigns.kill import merged, run_kill
from tests.campaigns.support.report import Result
from tests.campaigns.support.service import ServiceProcess

pytestmark = pytest.mark.xdist_group("services")


async def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    result = await run_kill(tmp_path, cycles=3, seed=1, clients=16, account_count=10)

    assert result.violations == []
    assert result.figures["lost"] == result.figures["doubled"] == 0
    assert result.figures["unresolved"] == 0


async def test_a_store_that_may_have_lost_something_is_not_started_under_a_running_service(
    tmp_path: Path,
) -> None:
    service = ServiceProcess(tmp_path, durability="everysec")
    await asyncio.to_thread(service.start)
    try:
        assert service.kill_store()
        status = await asyncio.to_thread(service.wait_ended)
    finally:
        service.kill_service()

    assert status == 1
    assert "the embedded store ended" in service.log_path.read_text("utf-8")


def test_rounds_are_told_as_one_campaign() -> None:
    rounds = [
        Result("kill", 7, {"lost": lost, "recovery, median": {}, "audit": audit}, violations)
        for lost, audit, violations in ((0, "ok", []), (2, "differs", ["lost two"]))
    ]

    whole = merged(rounds, {"store": [1.0, 3.0, 2.0]})

    assert (whole.seed, whole.figures["lost"], whole.figures["audit"]) == (7, 2, "differs")
    assert whole.figures["recovery, median"] == {"store": "2.00 s, worst 3.00 s"}
    assert (whole.figures["rounds"], whole.violations) == (2, ["lost two"])
