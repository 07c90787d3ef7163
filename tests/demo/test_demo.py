"""The demo as its user meets it: it ends as asked, its books are right, no process stays."""

import signal
import sys
from pathlib import Path

import pytest

from tests.demo.support import ACCOUNTS, Demo, left_after, processes_of

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the processes left are read from /proc"),
    pytest.mark.xdist_group("services"),
]


def test_a_run_ends_by_itself_and_an_interrupted_one_continues_it(tmp_path: Path) -> None:
    first = Demo(tmp_path, "--seconds", "1").end()

    assert first.status == 0, "\n".join(first.lines)
    assert first.lines[0].startswith("OCS demo: ")
    assert f"opened: {ACCOUNTS} accounts" in first.lines
    assert first.lines[-5].startswith("operations: ")
    assert first.lines[-4].startswith("bundles: ")
    assert first.lines[-3].startswith("tariffs: ")
    assert first.lines[-2].startswith("refused: ")
    first_accounts, first_events = first.audited
    assert first_accounts == ACCOUNTS
    assert processes_of(tmp_path) == []

    demo = Demo(tmp_path)
    demo.wait_for(f"continued: {ACCOUNTS} accounts")
    assert len(processes_of(tmp_path)) >= 5  # the demo, service, store, two gateways
    besides = Demo(tmp_path, "--seconds", "1").end()

    assert besides.status == 1
    assert any("in use" in line for line in besides.lines), "\n".join(besides.lines)

    demo.process.send_signal(signal.SIGINT)
    second = demo.end()

    assert second.status == 0, "\n".join(second.lines)
    second_accounts, second_events = second.audited
    assert second_accounts == ACCOUNTS
    operations = int(second.lines[-5].split()[1])
    assert operations > 0
    # Most operations are an event each; the journal holds those of both runs.
    assert second_events >= first_events + operations // 2
    assert processes_of(tmp_path) == []


def test_an_interrupt_before_the_traffic_ends_at_once(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    demo.wait_for("OCS demo: ")

    demo.process.send_signal(signal.SIGINT)
    ended = demo.end()

    assert ended.status == 130
    assert ended.lines[-1].startswith("stopped at once")
    assert processes_of(tmp_path) == []


def test_a_killed_demo_leaves_no_process_and_right_books(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    demo.wait_for("opened: ")

    demo.process.kill()

    assert demo.end().status == -signal.SIGKILL
    assert left_after(tmp_path, 20.0) == []

    again = Demo(tmp_path, "--seconds", "1").end()

    assert again.status == 0, "\n".join(again.lines)
    assert f"continued: {ACCOUNTS} accounts" in again.lines
    assert again.audited[0] == ACCOUNTS
    assert processes_of(tmp_path) == []
