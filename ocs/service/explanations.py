"""ExplainCharge: find the event, the version that priced it and where its tiers stood."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ocs.domain.answer import Reason
from ocs.domain.charge_explanation import (
    Explanation,
    PastCharge,
    Unexplained,
    explain_charge,
    explain_correction,
    explain_refund,
    line_named,
    unexplained,
)
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.domain.decide.grant import CapInForce
from ocs.domain.event_context import EventContext
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import ACCOUNT_HOLDER, tier_counter
from ocs.domain.state import AccountTerms
from ocs.domain.tariff import Tariff
from ocs.limits import EXPLAIN_EVENTS_MAX
from ocs.ports import ContextDecoder, EventLog, LoggedEvent, StoreUnavailableError
from ocs.service.books import Books
from ocs.service.errors import ServiceError
from ocs.service.mutations import Mutations
from ocs.service.tariffs import Tariffs

_EXPLAINED: Final = (EventKind.COMMIT, EventKind.DEBIT, EventKind.REFUND)
_PAGE: Final = 50


class ExplainedEvent(NamedTuple):
    """A journal event, what the service knew, and its explanation."""

    event: ChargingEvent
    context: EventContext
    explanation: Explanation


class Explanations:
    """Explains charges of the past. Raises ServiceError for every reason."""

    def __init__(
        self,
        mutations: Mutations,
        events: EventLog,
        books: Books,
        tariffs: Tariffs,
        decode: ContextDecoder,
    ) -> None:
        self._mutations = mutations
        self._events = events
        self._books = books
        self._tariffs = tariffs
        self._decode = decode

    async def explain(self, tenant: str, account_id: str, seq: int) -> ExplainedEvent:
        """Explain a commit, debit or refund; what cannot be explained says why."""
        account = (await self._mutations.profile(tenant, account_id)).terms
        try:
            return await self._explain(tenant, account_id, account, seq)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None

    async def _explain(
        self, tenant: str, account_id: str, account: AccountTerms, seq: int
    ) -> ExplainedEvent:
        logged = await self._events.find(tenant, account_id, seq)
        if logged is None or logged.event.kind not in _EXPLAINED:
            raise ServiceError(Reason.EVENT_NOT_FOUND)
        event, context = logged.event, self._decode(logged.context)
        context.currency = context.currency or account.currency
        if event.kind is EventKind.REFUND:
            refunded = await self._events.find(tenant, account_id, int(event.ref))
            found = refunded.event if refunded is not None else None
            return ExplainedEvent(event, context, explain_refund(event, context, found))
        if context.corrects_seq:
            return ExplainedEvent(event, context, explain_correction(event, context))
        charge = await self._priced(tenant, account, logged, context)
        if isinstance(charge, Unexplained):
            return ExplainedEvent(event, context, unexplained(event, context, charge))
        return ExplainedEvent(event, context, explain_charge(charge))

    async def _priced(
        self, tenant: str, account: AccountTerms, logged: LoggedEvent, context: EventContext
    ) -> PastCharge | Unexplained:
        """Find the lines of the tariff that priced a charge, and where their tiers stood."""
        event = logged.event
        if event.position is None:
            charged = bool(event.payments) or event.uncollected_units or event.uncollected_micros
            return Unexplained.POSITION_UNKNOWN if charged else Unexplained.NOTHING_CHARGED
        named = [(context.tariff_version, context.price_id)]
        named += [(version, price_id) for _, version, price_id in context.pieces]
        lines: dict[tuple[str, str], ServiceTerms] = {}
        for version, price_id in dict.fromkeys(named):
            tariff = await self._version(tenant, version)
            if tariff is None:
                return Unexplained.VERSION_UNKNOWN
            line = line_named(tariff, context, price_id)
            if line is None:
                return Unexplained.PRICE_UNKNOWN
            lines[version, price_id] = line
        counters = await self._counters(account, logged, lines.values())
        if counters is None:
            return Unexplained.TIER_UNKNOWN
        pieces = tuple(
            (units, lines[version, price_id]) for units, version, price_id in context.pieces
        )
        return PastCharge(event, context, lines[named[0]], pieces, counters)

    async def _version(self, tenant: str, version: str) -> Tariff | None:
        """Read a version: of the books in memory, or of the store; a used one is always kept."""
        known = self._books.of(tenant).version(version)
        return known if known is not None else await self._tariffs.version(tenant, version)

    async def _counters(
        self, account: AccountTerms, logged: LoggedEvent, lines: Iterable[ServiceTerms]
    ) -> list[CapInForce] | None:
        """Return the counters of tiers as they stood before an event; None if that is not known."""
        event = logged.event
        found = []
        for tier, line in {line.tier: line for line in lines if line.tier}.items():
            cap = tier_counter(tier, line.unit)
            bounds = cap.bounds(account.time_zone, account.anchor_day, event.store_ms)
            assert bounds is not None
            spent = await self._stood_at(logged, tier, bounds.start_ms)
            if spent is None:
                return None
            found.append(CapInForce(cap, None, spent, 0))
        return found

    async def _stood_at(self, logged: LoggedEvent, tier: str, period_ms: int) -> int | None:
        """Return an account's use of a tier before an event, as the journal before it says.

        A commit's own count is of no use: what was held in the period before counts there.
        """
        event = logged.event
        position, looked = event.prev, 0
        while position and looked < EXPLAIN_EVENTS_MAX:
            page = await self._events.newest_first(event.tenant, event.account_id, position, _PAGE)
            for earlier in page:
                stood = _counted(earlier.event, tier)
                if stood is not None:
                    return stood[1] if stood[0] == period_ms else 0
            if not page:
                return None
            position, looked = page[-1].event.prev, looked + len(page)
        return None if position else 0


def _counted(event: ChargingEvent, tier: str) -> tuple[int, int] | None:
    """What an event says of a counter after it: its period, by its start, and its figure."""
    for change in event.counters:
        if change.holder == ACCOUNT_HOLDER and change.cap_id == tier:
            return change.period_start_ms, change.spent_after
    return None
