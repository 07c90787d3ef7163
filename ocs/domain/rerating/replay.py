"""Replays one account's journal under another version: each session goes on where it stood.

What is kept: who paid for which units, when use happened, the plan that priced it and its zone. So
only what money paid for, or was to pay for, is priced anew; increments are the other version's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ocs.domain.allocation import cost_between
from ocs.domain.answer import Outcome
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.domain.commands import Pieces
from ocs.domain.decide.pricing import price_of_use
from ocs.domain.event_context import EventContext
from ocs.domain.price_function import PriceFunction, connect_due
from ocs.domain.rerating.charges import NotRatable, Part, RatedCharge, is_rerating
from ocs.domain.rerating.payers import Payer, UnitsPaid, payers_of
from ocs.domain.rerating.tiers import TierCounters
from ocs.domain.reservation import SessionRating
from ocs.domain.state import AccountTerms
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_book import PriceInForce, TariffBook
from ocs.domain.units import Unit
from ocs.domain.use_pieces import KnownLine, pieces_of

_UNPRICED: Final = (Outcome.SERVICE_DENIED, Outcome.RATING_FAILED)
_MS_PER_SECOND: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which charges: of use in [from_ms, to_ms), by the time that picked their price.

    plan, service_id: only those; empty: any.
    """

    from_ms: int
    to_ms: int
    plan: str = ""
    service_id: str = ""

    def holds(self, at_ms: int) -> bool:
        """Say whether a moment is inside."""
        return self.from_ms <= at_ms < self.to_ms

    def names(self, plan: str, service_id: str) -> bool:
        """Say whether a plan's service is wanted."""
        return self.plan in ("", plan) and self.service_id in ("", service_id)


@dataclass(slots=True)
class _Session:
    """A session by the other version. then_paid_to: how far it was rated by the one that priced it.

    paid_to: how far it is rated now. by_units: whether a bucket of units paid last.
    """

    then_paid_to: int
    paid_to: int
    units_paid: UnitsPaid = field(default_factory=UnitsPaid)
    by_units: bool = False


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a reservation's use is priced by; price None: the version has none there."""

    plan: str
    price: PriceInForce | None


class Replay:
    """One account; tariff: the other version. Events come in the order of their numbers."""

    def __init__(self, tariff: Tariff, terms: AccountTerms, wanted: Wanted) -> None:
        self._book = TariffBook.of(tariff)
        self._tariff = tariff
        self._wanted = wanted
        self._tiers = TierCounters(terms)
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._grants: dict[str, _Grant] = {}
        self._charges: dict[int, RatedCharge] = {}
        # By the number of a part: its charge.
        self._charge_of: dict[int, RatedCharge] = {}

    def charges(self) -> list[RatedCharge]:
        """Return the wanted charges, in the order of their numbers, and what corrected them."""
        return list(self._charges.values())

    def apply(self, event: ChargingEvent, context: EventContext) -> None:
        """Replay the account's next event."""
        match event.kind:
            case EventKind.REFUND:
                self._refund(event, context)
            case EventKind.DEBIT if context.corrects_seq:
                self._correction(event, context)
            case EventKind.COMMIT | EventKind.DEBIT:
                self._charge(event, context)
            case _:
                pass
        if event.outcome == Outcome.GRANTED:
            self._grant(event, context)
        self._tiers.take_over(event)

    def _grant(self, event: ChargingEvent, context: EventContext) -> None:
        """A reserve, and a commit's next grant, take the price of their moment."""
        price = self._price_at(context, context.plan, context.event_time_ms)
        grant = _Grant(context.plan, price)
        self._grants[event.successor_id or event.ref] = grant

    def _price_at(self, context: EventContext, plan: str, at_ms: int) -> PriceInForce | None:
        found = self._book.price_in_zone(plan, context.service_id, context.zone, at_ms)
        return found if isinstance(found, PriceInForce) else None

    def _charge(self, event: ChargingEvent, context: EventContext) -> None:
        at_ms = context.event_time_ms
        grant = self._grants.get(event.ref) if event.kind is EventKind.COMMIT else None
        if grant is None:
            grant = _Grant(context.plan, self._price_at(context, context.plan, at_ms))
        if not self._wanted.holds(at_ms):
            if event.position is not None and grant.price is not None:
                self._tiers.count_as_was(event, grant.price.terms)
            return
        if event.position is None:
            if event.used_units and event.outcome in _UNPRICED:
                self._note(event, context, grant.plan, NotRatable.NEVER_RATED)
            return
        if context.currency != self._tariff.currency:
            self._note(event, context, grant.plan, NotRatable.CURRENCY)
        elif context.tax_included not in (None, self._tariff.tax_included):
            self._note(event, context, grant.plan, NotRatable.TAX)
        elif grant.price is None:
            self._note(event, context, grant.plan, NotRatable.NO_PRICE)
        else:
            new = self._rate(event, context, grant)
            reason = NotRatable.CHARGE_LIMIT if new is None else None
            self._note(event, context, grant.plan, reason, new)

    def _rate(self, event: ChargingEvent, context: EventContext, grant: _Grant) -> int | None:
        """Return what money comes to by the other version; None past the exact range."""
        assert event.position is not None
        assert grant.price is not None
        position, then_paid_to, _, then_target = event.position
        session = self._session(context, then_paid_to)
        pieces = self._pieces(event, context, grant)
        terms = grant.price.terms
        lines = [terms, *(line for _, line in pieces if line is not None)]
        counters = self._tiers.at(event, lines)
        rating = SessionRating(0, position, session.paid_to)
        priced = price_of_use(terms, rating, event.used_units, pieces, counters)
        if priced is None:
            self._sessions.pop((context.session_id, context.service_id), None)
            return None
        price, target = priced
        payers = payers_of(event)
        _note_units_paid(session, event, payers, target)
        micros = connect_due(price, position, event.used_units)
        micros += _cost_of(price, session.units_paid.rest_of(session.paid_to, target))
        self._tiers.count(event, lines, target - session.paid_to)
        session.then_paid_to, session.paid_to = then_target, target
        session.units_paid.drop_before(min(target, then_target))
        return micros

    def _session(self, context: EventContext, then_paid_to: int) -> _Session:
        """Find the session; one that is new here goes on where its event says that it stood."""
        if not context.session_id:
            return _Session(then_paid_to, then_paid_to)
        key = (context.session_id, context.service_id)
        found = self._sessions.get(key)
        if found is None or found.then_paid_to != then_paid_to:
            found = self._sessions[key] = _Session(then_paid_to, then_paid_to)
        return found

    def _pieces(self, event: ChargingEvent, context: EventContext, grant: _Grant) -> Pieces:
        """Split the use as the service would have."""
        assert grant.price is not None
        terms, until_ms = grant.price
        at_ms = context.event_time_ms
        segments = context.segments
        if event.kind is EventKind.DEBIT:
            end_ms = at_ms + event.used_units * _MS_PER_SECOND
            # Use that ends later than its charge was not reported with its time.
            timed = bool(context.pieces) or end_ms <= event.store_ms
            if terms.unit is not Unit.SECONDS or not timed or not 0 < until_ms < end_ms:
                return ()
            segments = ((event.used_units, at_ms, end_ms),)
        elif not 0 < until_ms <= at_ms:
            return ()
        known = KnownLine(terms.tariff_version, terms.price_id, terms.unit)
        return pieces_of(
            segments,
            known,
            lambda moment_ms: self._book.price_in_zone(
                grant.plan, context.service_id, context.zone, moment_ms
            ),
        )

    def _note(
        self,
        event: ChargingEvent,
        context: EventContext,
        plan: str,
        reason: NotRatable | None,
        new: int | None = None,
    ) -> None:
        charge = RatedCharge(plan, context.service_id, new, reason, [_part(event)])
        self._charge_of[event.seq] = charge
        if self._wanted.names(plan, context.service_id):
            self._charges[event.seq] = charge

    def _correction(self, event: ChargingEvent, context: EventContext) -> None:
        """What rerating debited for a charge."""
        charge = self._charge_of.get(context.corrects_seq)
        if charge is not None and event.position is not None:
            self._charge_of[event.seq] = charge
            charge.parts.append(_part(event))
            charge.corrected_count += 1

    def _refund(self, event: ChargingEvent, context: EventContext) -> None:
        """What was given back of a charge, or of what corrected it."""
        seq = int(event.ref)
        charge = self._charge_of.get(seq)
        if charge is None:
            return
        part = next(part for part in charge.parts if part.seq == seq)
        money = dict(part.paid)
        micros = 0
        for line in event.refunds:
            if line.bucket_id in money:
                key = (seq, line.bucket_id)
                charge.given_back[key] = charge.given_back.get(key, 0) + line.quantity
                micros += line.quantity
        if is_rerating(context.request_id):
            charge.by_rerating += micros
            charge.corrected_count += 1
        else:
            charge.by_others += micros


def _part(event: ChargingEvent) -> Part:
    paid = tuple((one.bucket_id, one.micros) for one in event.payments if one.micros)
    return Part(event.seq, paid, event.uncollected_micros)


def _note_units_paid(
    session: _Session, event: ChargingEvent, payers: list[Payer], target: int
) -> None:
    """Add what buckets of units paid for; who paid last pays for what is rounded up beyond it."""
    assert event.position is not None
    end = event.position[3]
    for payer in payers:
        if not payer.money:
            session.units_paid.add(payer.start, payer.end)
    if event.uncollected_units:
        session.by_units = False
    else:
        lasting = [payer for payer in payers if payer.end > payer.start]
        session.by_units = not lasting[-1].money if lasting else session.by_units
    if session.by_units:
        session.units_paid.add(end, target)


def _cost_of(price: PriceFunction, stretches: Sequence[tuple[int, int]]) -> int:
    return sum(cost_between(price, start, end) for start, end in stretches)
