"""Where an account's use of a tier stood when a charge was made.

The journal says so if the account had that counter; to that comes by how much more, or less, the
other version has rated since. If it had none, all its use of the service since the period began.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from ocs.domain.charging_event import ChargingEvent
from ocs.domain.decide.grant import CapInForce
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import ACCOUNT_HOLDER, TIER_PREFIX, tier_counter
from ocs.domain.state import AccountTerms

# A counter's period, by its start, and its figure.
_Stand: TypeAlias = tuple[int, int]

_NOTHING: Final[_Stand] = (-1, 0)


class TierCounters:
    """The counters of one account. terms: for the account's time zone and billing day."""

    def __init__(self, terms: AccountTerms) -> None:
        self._terms = terms
        self._journaled: dict[str, _Stand] = {}
        self._moved: dict[str, _Stand] = {}  # beyond what is journaled
        self._replayed: dict[str, _Stand] = {}

    def at(self, event: ChargingEvent, lines: Sequence[ServiceTerms]) -> list[CapInForce]:
        """Return the counters that these prices go by, as they stood before the event."""
        tiers = {line.tier: line for line in lines if line.tier}
        found = []
        for tier, line in tiers.items():
            period_ms = self._period(tier, line, event.store_ms)
            cap = tier_counter(tier, line.unit)
            if tier in self._journaled or _counted_by(event, tier):
                spent = _of(self._journaled, tier, period_ms) + _of(self._moved, tier, period_ms)
            else:
                spent = _of(self._replayed, tier, period_ms)
            found.append(CapInForce(cap, None, max(0, spent), 0))
        return found

    def count(self, event: ChargingEvent, lines: Sequence[ServiceTerms], rated_units: int) -> None:
        """Count a charge that the other version rates so."""
        assert event.position is not None
        then_units = event.position[3] - event.position[1]
        for tier, line in {line.tier: line for line in lines if line.tier}.items():
            period_ms = self._period(tier, line, event.store_ms)
            _add(self._replayed, tier, period_ms, rated_units)
            known = then_units if _counted_by(event, tier) else 0
            _add(self._moved, tier, period_ms, rated_units - known)

    def count_as_was(self, event: ChargingEvent, line: ServiceTerms) -> None:
        """Count a charge that is not priced anew."""
        assert event.position is not None
        if line.tier:
            period_ms = self._period(line.tier, line, event.store_ms)
            _add(self._replayed, line.tier, period_ms, event.position[3] - event.position[1])

    def take_over(self, event: ChargingEvent) -> None:
        """Take over what an event says of the counters after it."""
        for change in event.counters:
            if change.holder == ACCOUNT_HOLDER and change.cap_id.startswith(TIER_PREFIX):
                was_ms, _ = self._journaled.get(change.cap_id, _NOTHING)
                if change.period_start_ms >= was_ms:
                    stand = (change.period_start_ms, change.spent_after)
                    self._journaled[change.cap_id] = stand

    def _period(self, tier: str, line: ServiceTerms, at_ms: int) -> int:
        bounds = tier_counter(tier, line.unit).bounds(
            self._terms.time_zone, self._terms.anchor_day, at_ms
        )
        assert bounds is not None
        return bounds.start_ms


def _counted_by(event: ChargingEvent, tier: str) -> bool:
    return any(change.cap_id == tier for change in event.counters)


def _of(stands: dict[str, _Stand], tier: str, period_ms: int) -> int:
    was_ms, spent = stands.get(tier, _NOTHING)
    return spent if was_ms == period_ms else 0


def _add(stands: dict[str, _Stand], tier: str, period_ms: int, units: int) -> None:
    stands[tier] = (period_ms, _of(stands, tier, period_ms) + units)
