"""`make archive EVENTS=n SLEEPS=n`: archivers are put to sleep under load, and wake too late.

Accounts are charged all the time. An archiver brings the journal into segments and trims it; again
and again it is stopped wherever it is until another has taken its place, so that it wakes with an
epoch that has passed. (`make exactness` kills them.) In the end the audit must find the books right
over archive and stream, and every event must be in them exactly once, with those that were
acknowledged.
"""

import argparse
import asyncio
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import redis
import uvloop

from ocs.archive.reader import SegmentArchive
from ocs.domain.answer import Answer
from ocs.domain.commands import Basis, CreateAccount, Debit, TopUp
from ocs.domain.known import Profile
from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms
from ocs.domain.state import AccountTerms
from ocs.domain.units import Unit
from ocs.service.audit import audit
from ocs.service.whole_journal import WholeJournal
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.embedded import private_valkey
from ocs.store.event_log import ValkeyEventLog
from ocs.store.journal import ValkeyJournal
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import Pipeline
from tests.campaigns.support import archiver
from tests.campaigns.support.report import Progress, Result
from tests.support.stages import now_ms

ACCOUNTS: Final = 200
CONNECTIONS: Final = 4
POLL_S: Final = 0.01
_SLOWLY_S: Final = 0.05
PATIENCE_S: Final = 60.0
SMS: Final = ServiceTerms("sms", Unit.COUNT, "", Rate.flat(1, 7, 1), 1, 600_000, "v1")


@dataclass
class Load:
    """Accounts that are charged again and again, each by one caller."""

    ledger: ValkeyLedger
    target: int
    seqs: dict[str, int] = field(default_factory=dict)
    refused: list[Answer] = field(default_factory=list)
    # Whether somebody is still to be put to sleep.
    going: bool = True
    _sent: int = 0

    @property
    def done(self) -> int:
        """Events that were acknowledged."""
        return sum(self.seqs.values())

    async def run(self) -> None:
        """Charge until there are as many events as wanted, and nobody is still to sleep."""
        await asyncio.gather(*(self._charge(f"a{number}") for number in range(ACCOUNTS)))

    async def open(self) -> None:
        """Open the accounts, with money for ever."""
        await asyncio.gather(*(self._open(f"a{number}") for number in range(ACCOUNTS)))

    async def _open(self, account: str) -> None:
        terms = AccountTerms("EUR", "UTC", 1, "plan", "gold", 0)
        await self._execute(account, CreateAccount, terms=terms)
        await self._execute(
            account, TopUp, payment_reference=account, bucket_id="main", terms=None,
            quantity=10**12, unit=Unit.MICROS,
        )  # fmt: skip

    async def _charge(self, account: str) -> None:
        profile = await self.ledger.profile("main", account, "")
        assert isinstance(profile, Profile)
        while self.going or self.done < self.target:
            if self.done >= self.target:
                # Enough, but those that are still to sleep need something to archive.
                await asyncio.sleep(_SLOWLY_S)
            await self._execute(
                account, Debit, profile=profile, service_id="sms", terms=SMS, refusal=None,
                basis=Basis.USED, used_units=1,
            )  # fmt: skip

    async def _execute(self, account: str, command: Any, **fields: Any) -> None:
        self._sent += 1
        answer = await self.ledger.execute(
            command(
                tenant="main", account_id=account, request_id=f"q{self._sent}",
                fingerprint=f"f{self._sent}", request_time_ms=now_ms(), window_ms=60_000,
                context=b"\x0a\x07context", **fields,
            )
        )  # fmt: skip
        if answer.reason is None:
            self.seqs[account] = answer.seq
        else:
            self.refused.append(answer)


class Nurse:
    """Lets archivers sleep, and sees to it that another takes over."""

    def __init__(self, url: str, directory: Path, client: redis.Redis, seed: int) -> None:
        self.sleeps = 0
        self._url = url
        self._directory = directory
        self._client = client
        self._rng = random.Random(seed)
        self._process = archiver.launch(url, directory)
        self._late: subprocess.Popen[bytes] | None = None

    async def strike(self) -> None:
        """Wait until it has archived something, then stop it until another does, in its work."""
        await self.wait_confirmed()
        await asyncio.sleep(self._rng.uniform(0.0, 0.4))
        # It woke at the last strike, and has learnt meanwhile that its time is over.
        self._end(self._late)
        self._process.send_signal(signal.SIGSTOP)
        self._late, self.sleeps = self._process, self.sleeps + 1
        # As if its lease had run out.
        self._client.hset(keys.archiver_key(), "until_ms", "1")
        self._process = archiver.launch(self._url, self._directory)
        await self.wait_confirmed()
        self._late.send_signal(signal.SIGCONT)

    async def wait_confirmed(self) -> None:
        """Wait until more is archived than is now."""
        before = self.confirmed()
        deadline = time.monotonic() + PATIENCE_S
        while self.confirmed() == before:
            assert time.monotonic() < deadline, "nothing is archived any more"
            await asyncio.sleep(POLL_S)

    def confirmed(self) -> list[object]:
        """How far each partition is archived."""
        pipe = self._client.pipeline(transaction=False)
        for number in range(keys.PARTITION_COUNT):
            pipe.hget(keys.archive_key(number), "position")
        return list(pipe.execute())

    def end(self) -> None:
        """End all that were started."""
        self._end(self._late)
        self._end(self._process)

    @staticmethod
    def _end(process: subprocess.Popen[bytes] | None) -> None:
        if process is not None:
            process.kill()
            process.wait()


async def run_archive(
    directory: Path, *, events: int, sleeps: int, seed: int, progress: Progress | None = None
) -> Result:
    """Run the campaign in a directory."""
    progress = progress or Progress(shown=False)
    place = directory / "archive"
    started = time.monotonic()
    with private_valkey(directory / "store", "everysec") as store:
        pool = make_pool(store.url, CONNECTIONS + 1)
        ledger = ValkeyLedger(pool, connections=CONNECTIONS, now_ms=now_ms)
        assert await ledger.load(ledger.pipelines[0]) is None
        client = redis.Redis(unix_socket_path=str(store.socket_path))
        load = Load(ledger, events)
        nurse = Nurse(store.url, place, client, seed)
        try:
            await load.open()
            charging = asyncio.create_task(load.run())
            for number in range(sleeps):
                await nurse.strike()
                progress.say(f"archive: {number + 1} of {sleeps} sleeps, {load.done:,} events")
            load.going = False
            await charging
        finally:
            nurse.end()
        result = await _conclude(load, nurse, place, pool, seed)
        result.figures["seconds"] = time.monotonic() - started
        client.close()
        await ledger.close()
    return result


async def _conclude(load: Load, nurse: Nurse, place: Path, pool: Any, seed: int) -> Result:
    archive = SegmentArchive(place)
    report = await audit(load.ledger, ValkeyEventLog(load.ledger, archive))
    pipeline = Pipeline(pool)
    stream = ValkeyJournal(pipeline)
    found = await _read_all(WholeJournal(stream, archive))
    marks = await stream.marks(range(keys.PARTITION_COUNT))
    kept = sum([await _kept(pipeline, number) for number in range(keys.PARTITION_COUNT)])
    await pipeline.close()
    expected = Counter(
        f"main/{account} {seq}" for account, last in load.seqs.items() for seq in range(1, last + 1)
    )
    violations = [f"audit: {difference}" for difference in report.differences]
    violations += [f"missing: {event}" for event in (expected - found).elements()]
    violations += [f"again, or unknown: {event}" for event in (found - expected).elements()]
    violations += [f"refused: {answer.reason}" for answer in load.refused]
    if not any(mark.trimmed for mark in marks.values()):
        violations.append("nothing was trimmed")
    if report.event_count != load.done:
        violations.append(f"the audit folded {report.event_count} of {load.done} events")
    figures: dict[str, object] = {
        "events": load.done,
        "archivers put to sleep": nurse.sleeps,
        "segments": len(list(place.glob("date=*/*.parquet"))),  # noqa: ASYNC240 - a campaign's end
        "left in the store": kept,
        "audit": "ok" if report.ok else "differs",
    }
    return Result("archive", seed, figures, violations)


async def _read_all(whole: WholeJournal) -> Counter[str]:
    """How often each event is in archive and stream together."""
    found: Counter[str] = Counter()
    at = dict.fromkeys(range(keys.PARTITION_COUNT), "")
    while runs := await whole.read(at):
        for run in runs:
            if run.positions:
                at[run.partition] = run.positions[-1]
            found.update(b" ".join(line.split(b" ", 4)[2:4]).decode() for line in run.lines)
    return found


async def _kept(pipeline: Pipeline, partition: int) -> int:
    reply = await pipeline.send("XLEN", keys.journal_key(partition))
    assert isinstance(reply, int)
    return reply


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--sleeps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ocs-archive-") as scratch:
        campaign = run_archive(
            Path(scratch),
            events=options.events,
            sleeps=options.sleeps,
            seed=options.seed,
            progress=Progress(),
        )
        return uvloop.run(campaign).conclude()


if __name__ == "__main__":
    sys.exit(main())
