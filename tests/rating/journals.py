"""A stage whose journal is kept with what the service knew, for rerating."""

from dataclasses import dataclass, field

from ocs.domain.answer import Answer
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import Command, Expire
from ocs.domain.event_context import EventContext
from ocs.domain.rerating import RatedCharge, Replay, Wanted
from ocs.domain.state import AccountTerms
from ocs.domain.tariff import Tariff
from ocs.ports import LoggedEvent
from ocs.rpc.event_context import decode_context, encode_context
from ocs.store.memory import MemoryLedger
from tests.support.stage import START_MS, Clock, Stage
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

    def rerated(self, tariff: Tariff, wanted: Wanted = EVER) -> list[RatedCharge]:
        """Replay the journal so far under a version."""
        replay = Replay(tariff, TERMS, wanted)
        for event, context in self.ledger.records:
            replay.apply(event, context)
        return replay.charges()
