"""Spells the caps that count a service, with their periods, for the scripts.

A script rolls a counter to the next period by itself, so a spelling stays good until the second
period ends; it is made anew as soon as the first has. Kept per account, version and service: one
dictionary look-up per charge.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final, TypeAlias

from ocs.domain.known import Profile
from ocs.domain.units import Unit
from ocs.limits import CLOCK_SKEW_MAX_MS
from ocs.store.encode import holder_names
from ocs.store.generations import Generations

_KEPT: Final = 65_536
# The store's clock may be behind ours by this much and must still find its period.
_BEHIND_MS: Final = CLOCK_SKEW_MAX_MS + 1_000

_Key: TypeAlias = tuple[str, str, int, str, Unit, str, str, tuple[str, ...]]


class CapSpeller:
    """Spells caps; now_ms is the service's clock."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._kept: Generations[_Key, tuple[str, int, int]] = Generations(_KEPT)
        self._ahead: Generations[tuple[str, str], int] = Generations(_KEPT)
        self._any_ahead = False

    def saw(self, tenant: str, account_id: str, store_ms: int) -> None:
        """Note the clock of an account that found its caps stale: its floor may be ahead of ours.

        That is so after the store's clock has stepped back; the account's own time stands still.
        """
        self._any_ahead = True
        self._ahead.put((tenant, account_id), store_ms)

    def __call__(
        self,
        profile: Profile,
        unit: Unit,
        service_id: str,
        zone: str,
        tiers: tuple[str, ...],
    ) -> str:
        """`index:cap:unit:limit:start:finish:next_finish`, split by spaces.

        tiers: the counters that the call's prices go by, sorted.
        """
        if not profile.caps:
            return ""
        key = (
            profile.tenant,
            profile.account_id,
            profile.version,
            profile.subscriber_id,
            unit,
            service_id,
            zone,
            tiers,
        )
        now_ms = self._now_ms() - _BEHIND_MS
        if self._any_ahead:
            now_ms = max(now_ms, self._ahead.get((profile.tenant, profile.account_id)) or 0)
        kept = self._kept.get(key)
        if kept is None or not kept[1] <= now_ms < kept[2]:
            kept = _spell(profile, (unit, service_id, zone, tiers), now_ms)
            self._kept.put(key, kept)
        return kept[0]


def _spell(
    profile: Profile, charge: tuple[Unit, str, str, tuple[str, ...]], now_ms: int
) -> tuple[str, int, int]:
    """The spelling, and from when until when it is good."""
    parts, good_from, good_until = [], 0, 2**62
    for index, holder in enumerate(holder_names(profile)):
        for cap in sorted(profile.caps, key=attrgetter("cap_id")):
            if cap.holder != holder or not cap.counts(*charge):
                continue
            if cap.window is not None:  # the script finds its slots by itself
                span = (cap.window.slot_ms, 0, cap.window.slot_count)
                parts.append(":".join(map(str, (index, cap.cap_id, cap.unit, cap.limit, *span))))
                continue
            bounds = cap.bounds(profile.terms.time_zone, profile.terms.anchor_day, now_ms)
            span = (0, 0, 0)
            if bounds is not None:
                span = (bounds.start_ms, bounds.end_ms, bounds.next_end_ms)
                good_from = max(good_from, bounds.start_ms)
                good_until = min(good_until, bounds.end_ms)
            parts.append(":".join(map(str, (index, cap.cap_id, cap.unit, cap.limit, *span))))
    return " ".join(parts), good_from, good_until
