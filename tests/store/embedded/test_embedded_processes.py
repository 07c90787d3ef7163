"""One service and one server per directory, and how each of them ends."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ocs.store import embedded_launcher, embedded_orphan
from ocs.store.embedded import EmbeddedStoreError, EmbeddedValkey
from tests.store.embedded.support import (
    Serve,
    Start,
    connect,
    is_running,
    linux_only,
    log_of_reads,
    newest_log,
    processes_in,
    wait_until,
)


def test_restart_refuses_a_store_that_runs_or_was_stopped(
    start: Start,
) -> None:
    store = start(durability="memory")
    with pytest.raises(EmbeddedStoreError, match="running or stopped"):
        store.restart()
    store.stop()
    with pytest.raises(EmbeddedStoreError, match="running or stopped"):
        store.restart()


@linux_only
def test_no_process_and_no_socket_is_left_after_stop(start: Start, data_dir: Path) -> None:
    store = start()
    assert len(processes_in(data_dir)) == 1

    store.stop()
    store.stop()

    assert processes_in(data_dir) == []
    assert not store.socket_path.exists()


def test_stop_ends_a_killed_store_too(start: Start) -> None:
    store = start(durability="memory")
    store.kill()
    store.stop()
    assert not store.is_alive
    assert start(durability="memory").is_alive


@linux_only
def test_stop_kills_a_server_that_does_not_answer(start: Start) -> None:
    store = start(durability="memory")
    os.kill(store.pid, signal.SIGSTOP)

    store.stop(timeout_s=1)

    assert not is_running(store.pid)


def test_second_start_is_refused_with_directory_and_holder(
    start: Start, serve: Serve, data_dir: Path
) -> None:
    holder = serve()

    with pytest.raises(EmbeddedStoreError) as refused:
        start()

    assert f"data_dir {data_dir} is in use by process {holder.process.pid}" in str(refused.value)
    assert is_running(holder.store_pid)


def test_second_start_in_the_same_process_is_refused(
    start: Start,
) -> None:
    first = start(durability="memory")
    with pytest.raises(EmbeddedStoreError, match=f"in use by process {os.getpid()}"):
        start(durability="memory")
    assert connect(first).ping()


def test_orphan_of_a_killed_service_is_ended_and_its_data_taken_over(
    start: Start, serve: Serve
) -> None:
    service = serve(tie="free")
    service.kill()
    assert is_running(service.store_pid)
    lines: list[str] = []

    store = start(lines.append)

    assert not is_running(service.store_pid)
    assert connect(store).incr("figure") == 2
    assert "left running" in lines[0]


@linux_only
def test_orphan_that_does_not_answer_is_killed(
    start: Start,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded_orphan, "UNHEARD_WAIT_S", 0.5)
    monkeypatch.setattr(embedded_orphan, "HEARD_WAIT_S", 0.5)
    service = serve(tie="free")
    os.kill(service.store_pid, signal.SIGSTOP)
    service.kill()

    store = start()

    assert not is_running(service.store_pid)
    assert connect(store).incr("figure") == 2


def test_start_waits_for_the_end_of_what_still_writes_there(start: Start, data_dir: Path) -> None:
    """A log rewrite that outlives its killed server holds nothing but the inherited lock."""
    start().stop()
    rewrite_lock = os.open(data_dir / "server.lock", os.O_RDWR)
    fcntl.flock(rewrite_lock, fcntl.LOCK_EX)
    lines: list[str] = []

    def end_rewrite(line: str) -> None:
        lines.append(line)
        os.close(rewrite_lock)

    store = start(end_rewrite)

    assert connect(store).ping()
    assert len(lines) == 1


def test_start_gives_up_on_what_does_not_end(
    start: Start, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_orphan, "UNHEARD_WAIT_S", 0.1)
    start().stop()
    with (data_dir / "server.lock").open("r+") as foreign:
        fcntl.flock(foreign, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedStoreError, match=f"works in data_dir {data_dir}"):
            start()

    assert start().is_alive


def test_lock_shared_by_a_dying_child_of_its_holder_is_waited_for(
    start: Start, data_dir: Path
) -> None:
    data_dir.mkdir()
    child_lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(child_lock, fcntl.LOCK_EX)
    exec_of_child = threading.Timer(0.2, os.close, [child_lock])
    exec_of_child.start()

    assert start(durability="memory").is_alive
    exec_of_child.join()


def test_server_started_by_hand_is_ended_before_the_log_is_opened(
    start: Start, data_dir: Path
) -> None:
    store = start()
    binary = Path(f"/proc/{store.pid}/exe").readlink()
    store.stop()
    by_hand = subprocess.Popen([binary, data_dir / "valkey.conf"], cwd=data_dir)
    try:
        assert wait_until(store.socket_path.exists)
        store = start()
        assert by_hand.wait(20) == 0
        assert connect(store).ping()
    finally:
        by_hand.kill()
        by_hand.wait()


@linux_only
def test_stranger_with_the_pid_of_an_old_server_is_not_signalled(
    start: Start, data_dir: Path
) -> None:
    data_dir.mkdir()
    stranger = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, cwd=data_dir)
    try:
        (data_dir / "valkey.pid").write_text(f"{stranger.pid}\n", "ascii")
        assert connect(start()).ping()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()


@linux_only
def test_server_ends_when_its_service_is_killed(start: Start, serve: Serve, data_dir: Path) -> None:
    service = serve()

    service.kill()

    assert wait_until(lambda: not is_running(service.store_pid))
    assert "ready to exit" in (data_dir / "valkey.log").read_text("utf-8")
    assert connect(start()).incr("figure") == 2


def test_server_ends_when_its_service_ends_without_stopping_it(
    serve: Serve,
) -> None:
    service = serve(tie="free", then="end")
    assert service.process.wait(20) == 0
    assert not is_running(service.store_pid)


def test_server_outlives_the_thread_that_started_it(start: Start) -> None:
    stores: list[EmbeddedValkey] = []
    thread = threading.Thread(target=lambda: stores.append(start(durability="memory")))
    thread.start()
    thread.join()

    assert not stores[0].wait_dead(0.5)
    assert connect(stores[0]).ping()


def test_ctrl_c_reaches_the_service_and_not_its_store(serve: Serve) -> None:
    service = serve()
    assert os.getsid(service.store_pid) == service.store_pid

    os.killpg(service.process.pid, signal.SIGINT)

    assert service.read_line() == "2 True"
    assert service.process.wait(20) == 0
    assert not is_running(service.store_pid)


def test_blocked_signals_of_the_service_are_not_inherited(
    start: Start,
) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        store = start(durability="memory")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    os.kill(store.pid, signal.SIGTERM)

    assert store.wait_dead(10)


def test_launcher_starts_nothing_for_a_service_that_is_gone(tmp_path: Path) -> None:
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    launcher = embedded_launcher.__file__

    result = subprocess.run(
        [sys.executable, launcher, str(gone.pid), "tied", "/bin/touch", str(tmp_path / "made")],
        check=False,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 1
    assert result.stderr == "the process that starts the store is gone\n"
    assert not (tmp_path / "made").exists()


@linux_only
def test_loading_beyond_the_timeout_is_an_error_and_leaves_no_process(
    start: Start, data_dir: Path
) -> None:
    start().stop()
    newest_log(data_dir).write_bytes(log_of_reads("figure", 4_000_000, 40_000))

    with pytest.raises(EmbeddedStoreError, match=r"not ready within start_timeout_s 0\.6"):
        start(start_timeout_s=0.6)

    assert processes_in(data_dir) == []
