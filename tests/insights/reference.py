"""The figures once more, in plain Python: by `decode_event`, the audit's fold and `Rate.cost`.

Nothing here is shared with the SQL but the meaning of the words (docs/decisions/0063).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ocs.domain.audit import AccountFold
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.domain.event_context import EventContext
from ocs.domain.tariff import Tariff
from ocs.domain.units import Unit
from tests.insights.journals import CHARGES, Entry

SALES = (EventKind.PURCHASE_BUNDLE, EventKind.RENEW_BUNDLE)
MINUTE_MS = 60_000
Place = tuple[str, ...]


@dataclass
class Reference:
    """What a journal adds up to. minutes: by minute, dimensions, currency, unit and measure."""

    tariff: Tariff
    folds: dict[tuple[str, str], AccountFold] = field(default_factory=dict)
    # By account, then by number; each tuple is kept once, for there may be millions of events.
    places: dict[tuple[str, str], dict[int, Place]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    known_places: dict[Place, Place] = field(default_factory=dict)
    minutes: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    costs: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    decisions: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    segments: dict[tuple[str, str], str] = field(default_factory=dict)
    lost: dict[tuple[str, str], Any] = field(default_factory=lambda: defaultdict(dict))

    def fold(self, entries: Iterable[Entry]) -> "Reference":
        for entry in entries:
            self._fold(entry.position, entry.event, entry.known)
        return self

    def _fold(self, position: str, event: ChargingEvent, known: EventContext) -> None:
        account = (event.tenant, event.account_id)
        fold = self.folds.setdefault(account, AccountFold(*account))
        # Before a bucket that ends is forgotten.
        fold.apply(position, event)
        place = self._place(event, known)
        self.places[account][event.seq] = self.known_places.setdefault(place, place)
        minute = event.store_ms - event.store_ms % MINUTE_MS
        used = event.kind in CHARGES and event.used_units > 0 and not known.corrects_seq
        charged = sum(payment.micros for payment in event.payments)
        measures = {
            "charge_count": int(charged > 0),
            "charged_micros": charged,
            "refunded_micros": self._refunded(fold, event),
            "topped_up_micros": self._topped_up(fold, event),
            "used_units": event.used_units if used else 0,
            "uncollected_units": event.uncollected_units,
            "uncollected_micros": event.uncollected_micros,
            "uncosted_units": 0,
        }
        if used and event.position is not None:
            measures["uncosted_units"] = self._cost(minute, place, event, known)
        unit = self._unit(known) if used else ""
        for measure, value in measures.items():
            if value:
                self.minutes[minute, *place, known.currency, unit, measure] += value
        if event.outcome:
            self.decisions[minute, *place, str(event.kind), event.outcome] += 1
        if event.kind in (EventKind.CREATE_ACCOUNT, EventKind.UPDATE_ACCOUNT):
            self.segments[account] = known.segment

    def _place(self, event: ChargingEvent, known: EventContext) -> Place:
        service = event.ref if event.kind in SALES else known.service_id
        place: Place = (known.segment, known.plan, service, known.zone, known.partner)
        if event.kind is EventKind.REFUND:
            place = self.places[event.tenant, event.account_id][int(event.ref)][1:]
        return (event.tenant, *place)

    def _unit(self, known: EventContext) -> str:
        if known.tariff_version != self.tariff.version:
            return ""
        return str(self.tariff.units.get(known.service_id, ""))

    @staticmethod
    def _refunded(fold: AccountFold, event: ChargingEvent) -> int:
        return sum(
            line.quantity for line in event.refunds if fold.account.is_money(line.to_bucket_id)
        )

    @staticmethod
    def _topped_up(fold: AccountFold, event: ChargingEvent) -> int:
        if event.kind not in (EventKind.TOP_UP, EventKind.REVERSE_TOP_UP):
            return 0
        return sum(
            change.balance_after - change.balance_before
            for change in event.buckets
            if change.bucket_id == event.ref and fold.account.is_money(change.bucket_id)
        )

    def _cost(self, minute: int, place: Place, event: ChargingEvent, known: EventContext) -> int:
        """Add up what carriers are owed; return the units of which that is not known."""
        assert event.position is not None
        at, unknown = event.position[0], 0
        whole = ((event.used_units, known.tariff_version, known.price_id),)
        for units, version, price_id in known.pieces or whole:
            start, at = at, at + units
            price = self.tariff.wholesale.get(price_id) if version == self.tariff.version else None
            if price is None:
                unknown += units
                continue
            low, high = price.rate.round_up(start), price.rate.round_up(at)
            assert low is not None
            assert high is not None
            before, after = price.rate.cost(low), price.rate.cost(high)
            assert before is not None
            assert after is not None
            key = (minute, *place[:-1], price.partner, known.currency, price.currency)
            self.costs[key] += after - before
        return unknown

    # Current state.

    def buckets(self) -> set[tuple[Any, ...]]:
        return {
            (*account, name, str(bucket.terms.unit), bucket.balance, bucket.reserved)
            for account, fold in self.folds.items()
            for name, bucket in fold.account.buckets.items()
        }

    def caps(self) -> set[tuple[Any, ...]]:
        return {
            (*account, cap.holder, cap.cap_id, str(cap.unit), cap.limit, cap.period_text)
            for account, fold in self.folds.items()
            for cap in fold.account.caps.values()
        }

    def counters(self) -> set[tuple[Any, ...]]:
        return {
            (*account, *key, counter.period_start_ms, counter.spent)
            for account, fold in self.folds.items()
            for key, counter in fold.account.counters.items()
        }

    def open_holds(self) -> int:
        return sum(len(fold.account.holds.open) for fold in self.folds.values())

    def held_micros(self) -> int:
        return sum(
            bucket.reserved
            for fold in self.folds.values()
            for bucket in fold.account.buckets.values()
            if bucket.terms.unit is Unit.MICROS
        )
