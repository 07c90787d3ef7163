"""Audit: proves every stored account by its journal, online beside traffic.

Each partition's journal, from the archive on, is folded to its end. Then each of its accounts is
read as of one moment, which names the seq it has then, and the journal is folded on until the
account's events have come to that seq: only then are the two compared. Memory is bounded by one
partition's accounts. A part of the journal that is missing is a finding, and then nothing is
proved of that partition.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from ocs.domain.answer import Answer, Reason
from ocs.domain.audit import (
    AccountFold,
    AuditDifference,
    Findings,
    UnreadableAccountError,
    UnreadableEventError,
    compare,
    compare_copies,
)
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.ports import ArchiveError, EventLog, Ledger, LoggedEvent, StoreUnavailableError

KEPT_MAX: Final = 10_000
_ABREAST: Final = 256
_TEXT_SHOWN: Final = 200

HoldTexts: TypeAlias = Mapping[tuple[str, str], str]
ProgressCallback: TypeAlias = Callable[[int, int], None]


class AuditedLog(EventLog, Protocol):
    """The journal, with what is stored beside it to be proved.

    `partition` raises UnreadableEventError at an entry that is no event.
    """

    @property
    def partition_count(self) -> int:
        """Partitions are numbered from 0 up to this."""

    async def last_event(self, tenant: str, account_id: str) -> tuple[int, LoggedEvent | None]:
        """Read an account's seq and the event it names as its last, as of one moment."""

    async def hold_copies(self, tenant: str, account_id: str) -> tuple[HoldTexts, HoldTexts]:
        """Read what lines and groups noted of live holds, and what the account's holds say."""


@dataclass(slots=True)
class AuditReport:
    """What an audit found. differences: the first 100 of an account, 10,000 in all.

    account_count: accounts of the store or the journal. store_ms: the store's clock at the last
    account read, 0 if there was none.
    """

    differences: list[AuditDifference] = field(default_factory=list)
    difference_count: int = 0
    account_count: int = 0
    event_count: int = 0
    partition_count: int = 0
    store_ms: int = 0

    @property
    def ok(self) -> bool:
        """Whether the journal proves everything."""
        return self.difference_count == 0

    def take(self, findings: Findings) -> None:
        """Add the findings of one account."""
        self.difference_count += findings.count
        self.differences += findings.kept[: max(0, KEPT_MAX - len(self.differences))]


async def audit(
    ledger: Ledger, log: AuditedLog, *, on_progress: ProgressCallback | None = None
) -> AuditReport:
    """Fold every partition and compare every account.

    on_progress: told (events folded, events there are) after each batch; the second may grow.

    Raises:
        StoreUnavailableError: the store was lost; nothing can be said.
    """
    return await _Audit(ledger, log, on_progress).run()


class _Stream:
    """One partition's journal: folded in its order, as far as asked."""

    def __init__(self, log: AuditedLog, partition: int, on_events: Callable[[int], None]) -> None:
        self.folds: dict[tuple[str, str], AccountFold] = {}
        self.fault = ""
        self._log = log
        self._partition = partition
        self._on_events = on_events
        self._position = ""
        self._waiting: deque[LoggedEvent] = deque()
        self._batches = log.partition(partition, "")

    async def fold_to_end(self) -> None:
        """Fold everything that is there now; beside traffic the end itself moves."""
        for _ in range(await self._log.length(self._partition)):
            if not self._waiting and not await self._read_on():
                return
            self._fold_next()

    async def fold_until(self, fold: AccountFold, seq: int) -> None:
        """Fold until an account's events have come to a seq, and no further."""
        while fold.seq < seq and (self._waiting or await self._read_on()):
            self._fold_next()

    def _fold_next(self) -> None:
        if self._waiting:
            logged = self._waiting.popleft()
            fold = self._fold_of(logged.event.tenant, logged.event.account_id)
            fold.apply(logged.position, logged.event)

    def _fold_of(self, tenant: str, account_id: str) -> AccountFold:
        found = self.folds.get((tenant, account_id))
        if found is None:
            found = self.folds[(tenant, account_id)] = AccountFold(tenant, account_id)
        return found

    async def _read_on(self) -> bool:
        """Read the next batch; False at the end of the stream as of now."""
        try:
            batch = await anext(self._batches, None)
            if batch is None:
                # It ended with its last batch; there may be more since.
                self._batches = self._log.partition(self._partition, self._position)
                batch = await anext(self._batches, None)
        except ArchiveError as error:
            self.fault = str(error)
            return False
        except UnreadableEventError as error:
            self._note_unreadable(error)
            self._position = error.position
            self._batches = self._log.partition(self._partition, self._position)
            self._on_events(1)
            return True
        if batch is None:
            return False
        self._waiting.extend(batch)
        self._position = batch[-1].position
        self._on_events(len(batch))
        return True

    def _note_unreadable(self, error: UnreadableEventError) -> None:
        """Tell it of the account that the line names, if it names one."""
        words = error.text.split(" ")
        name = words[2] if len(words) > 2 else ""  # noqa: PLR2004 - version, kind, name
        tenant, _, account_id = name.partition("/")
        fold = self._fold_of(tenant, account_id)
        number = words[3] if len(words) > 3 else "?"  # noqa: PLR2004 - then seq
        term = f"event {number} at {error.position}"
        fold.findings.add(term, error.text[:_TEXT_SHOWN], "a charging event")


class _Audit:
    """One audit under way."""

    def __init__(
        self, ledger: Ledger, log: AuditedLog, on_progress: ProgressCallback | None
    ) -> None:
        self._ledger = ledger
        self._log = log
        self._on_progress = on_progress
        self._total = 0
        self._report = AuditReport(partition_count=log.partition_count)

    async def run(self) -> AuditReport:
        partitions = range(self._log.partition_count)
        self._total = sum(await asyncio.gather(*map(self._log.length, partitions)))
        for partition in partitions:
            await self._audit_partition(partition)
        await self._audit_last_events()
        return self._report

    def _count_events(self, count: int) -> None:
        report = self._report
        report.event_count += count
        if self._on_progress is not None:
            self._on_progress(report.event_count, max(self._total, report.event_count))

    async def _audit_partition(self, partition: int) -> None:
        stream = _Stream(self._log, partition, self._count_events)
        await stream.fold_to_end()
        if stream.fault:
            self._note_fault(partition, stream.fault)
        else:
            # Accounts that open from here on are proved by the next audit.
            for fold in list(stream.folds.values()):
                await self._audit_account(stream, fold)
        for fold in stream.folds.values():
            self._report.take(fold.findings)

    def _note_fault(self, partition: int, fault: str) -> None:
        """A part of the journal is not to be had: nothing is proved of the partition's accounts."""
        findings = Findings("-", "-")
        findings.add(f"journal of partition {partition}", "not proved", fault)
        self._report.take(findings)

    async def _audit_account(self, stream: _Stream, fold: AccountFold) -> None:
        try:
            await self._compare(stream, fold)
        except UnreadableAccountError:
            fold.findings.add("account", "unreadable", f"{fold.seq} events")

    async def _compare(self, stream: _Stream, fold: AccountFold) -> None:
        found = await self._ledger.snapshot(fold.tenant, fold.account_id)
        if isinstance(found, Answer):
            if found.reason is Reason.STATE_CORRUPT:
                raise UnreadableAccountError
            if found.reason is not Reason.ACCOUNT_NOT_FOUND:
                raise StoreUnavailableError
            if fold.seq:  # else it is a name that only an unreadable entry gives
                self._report.account_count += 1
                fold.findings.add("account", "absent", f"{fold.seq} events")
            return
        state, store_ms = found
        self._report.store_ms = max(self._report.store_ms, store_ms)
        await stream.fold_until(fold, state.seq)
        compare(fold.account, state)
        if any(holder != ACCOUNT_HOLDER for holder, _ in state.caps):
            copies, due = await self._log.hold_copies(fold.tenant, fold.account_id)
            compare_copies(fold.account, copies, due)

    async def _audit_last_events(self) -> None:
        """Every stored account names its last event, which is there and is its own.

        So an account without any event is found without keeping the names of those that have.
        """
        abreast: list[tuple[str, str]] = []
        async for account in self._log.accounts():
            abreast.append(account)
            if len(abreast) == _ABREAST:
                await asyncio.gather(*(self._audit_last_event(*at) for at in abreast))
                abreast.clear()
        await asyncio.gather(*(self._audit_last_event(*at) for at in abreast))

    async def _audit_last_event(self, tenant: str, account_id: str) -> None:
        self._report.account_count += 1
        findings = Findings(tenant, account_id)
        try:
            seq, logged = await self._log.last_event(tenant, account_id)
        except ArchiveError:
            findings.add("last event", "in the archive", "not to be had")
            self._report.take(findings)
            return
        if logged is None:
            findings.add(f"event {seq}" if seq else "account", "the last one", "absent")
        elif logged.event.seq != seq:
            findings.add("last event", f"event {seq}", f"event {logged.event.seq}")
        self._report.take(findings)
