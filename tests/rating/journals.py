"""A stage whose journal is kept with what the service knew, for rerating."""

from dataclasses import dataclass, field, replace
from typing import cast

from ocs.book.document import read_tariff
from ocs.domain.answer import Answer
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import Command, Expire
from ocs.domain.event_context import EventContext
from ocs.domain.rerating import RatedCharge, Replay, Wanted
from ocs.domain.state import AccountTerms
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_book import TariffBook, TariffVersion
from ocs.ports import EventLog, LoggedEvent, StoredTariff, TariffStore
from ocs.rpc.event_context import decode_context, encode_context
from ocs.service.books import Books
from ocs.service.explanations import ExplainedEvent, Explanations
from ocs.service.mutations import Mutations
from ocs.service.tariffs import Tariffs
from ocs.store.memory import MemoryLedger
from tests.support.stage import ACCOUNT, START_MS, TENANT, Clock, Stage
from tests.support.tariffs import PLAN

TERMS = AccountTerms("EUR", "UTC", 1, PLAN, "none", 0)
EVER = Wanted(0, 2 * START_MS)


class ContextLedger(MemoryLedger):
    """Keeps each event with its context."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.records: list[tuple[ChargingEvent, EventContext]] = []

    def decide(self, command: Command) -> Answer:
        """Decide, and note what was journaled."""
        count = len(self.journal)
        answer = super().decide(command)
        context = EventContext()
        if not isinstance(command, Expire):
            context = decode_context(command.context)
        self.records += [(event, context) for event in self.journal[count:]]
        return answer


@dataclass(slots=True)
class JournalStage(Stage):
    """Contexts are encoded as the service does."""

    def _note_context(self, context: EventContext) -> bytes:
        return encode_context(context)


@dataclass(slots=True)
class JournalLog:
    """Reads one account's records as EventLog does; a position is an event's number."""

    records: list[tuple[ChargingEvent, EventContext]]

    async def find(self, tenant: str, account_id: str, seq: int) -> LoggedEvent | None:
        """Find an event by its number."""
        found = await self.newest_first(tenant, account_id, str(seq), 1)
        return found[0] if found else None

    async def newest_first(
        self, tenant: str, account_id: str, start: str, count: int
    ) -> list[LoggedEvent]:
        """Read events backwards."""
        own = {
            event.seq: (event, context)
            for event, context in self.records
            if (event.tenant, event.account_id) == (tenant, account_id)
        }
        numbers = range(int(start), max(0, int(start) - count), -1)
        return [self._logged(*own[seq]) for seq in numbers if seq in own]

    @staticmethod
    def _logged(event: ChargingEvent, context: EventContext) -> LoggedEvent:
        prev = str(event.seq - 1) if event.seq > 1 else ""
        return LoggedEvent(str(event.seq), replace(event, prev=prev), encode_context(context))


class NoTariffs:
    """A store without versions."""

    async def versions(self, owner: str) -> list[StoredTariff]:
        """None of any owner."""
        del owner
        return []


@dataclass(slots=True)
class Journaled:
    """One account on a clock of its own."""

    ledger: ContextLedger = field(init=False)
    stage: JournalStage = field(init=False)

    def __post_init__(self) -> None:
        clock = Clock()
        self.ledger = ContextLedger(clock)

        async def journal() -> list[LoggedEvent]:
            return [
                LoggedEvent(f"{place}-0", event, encode_context(context))
                for place, (event, context) in enumerate(self.ledger.records, start=1)
            ]

        self.stage = JournalStage(self.ledger, clock, journal)

    async def explained(self, seq: int, *versions: Tariff) -> ExplainedEvent:
        """Explain an event; versions: those in memory, the store has none."""
        started = [TariffVersion(place, one) for place, one in enumerate(versions)]
        explanations = Explanations(
            Mutations(self.ledger, encode_context),
            cast("EventLog", JournalLog(self.ledger.records)),
            Books.of_book(TariffBook(started)),
            Tariffs(cast("TariffStore", NoTariffs()), read_tariff),
            decode_context,
        )
        return await explanations.explain(TENANT, ACCOUNT, seq)

    def rerated(self, tariff: Tariff, wanted: Wanted = EVER) -> list[RatedCharge]:
        """Replay the journal so far under a version."""
        replay = Replay(tariff, TERMS, wanted)
        for event, context in self.ledger.records:
            replay.apply(event, context)
        return replay.charges()
