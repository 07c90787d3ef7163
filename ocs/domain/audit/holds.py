"""The open holds of an account as its journal tells them, with what they hold by cap and period."""

from heapq import heapify, heappop, heappush
from typing import Final

from ocs.domain.reservation import Hold
from ocs.domain.spending_cap import ACCOUNT_HOLDER

_STALE_MAX: Final = 64


class FoldedHolds:
    """Open holds by reservation id. Its memory is bounded by the holds that are open."""

    def __init__(self) -> None:
        self.open: dict[str, Hold] = {}
        self._by_cap: dict[tuple[str, str, int], dict[str, tuple[int, int]]] = {}
        self._deadlines: list[tuple[int, str]] = []

    def put(self, reservation_id: str, hold: Hold) -> None:
        """Hold; the id must hold nothing yet."""
        self.open[reservation_id] = hold
        for line in hold.cap_lines:
            held = self._by_cap.setdefault((line.holder, line.cap_id, line.period_start_ms), {})
            held[reservation_id] = (hold.expire_ms, line.quantity)
        heappush(self._deadlines, (hold.expire_ms, reservation_id))
        if len(self._deadlines) > 2 * len(self.open) + _STALE_MAX:
            self._deadlines = [(hold.expire_ms, name) for name, hold in self.open.items()]
            heapify(self._deadlines)

    def take(self, reservation_id: str) -> Hold | None:
        """End a hold; None if there is none."""
        hold = self.open.pop(reservation_id, None)
        for line in hold.cap_lines if hold is not None else ():
            key = (line.holder, line.cap_id, line.period_start_ms)
            held = self._by_cap.get(key, {})
            held.pop(reservation_id, None)
            if not held:
                self._by_cap.pop(key, None)
        return hold

    def forget_cap(self, key: tuple[str, str]) -> None:
        """Leave out what is held in a cap."""
        for reservation_id, hold in self.open.items():
            self.open[reservation_id] = hold.without(key)
        for place in [place for place in self._by_cap if place[:2] == key]:
            del self._by_cap[place]

    def earliest(self) -> tuple[int, str] | None:
        """Return the deadline and id of the hold that lapses first, ties by id."""
        while self._deadlines:
            expire_ms, reservation_id = self._deadlines[0]
            hold = self.open.get(reservation_id)
            if hold is not None and hold.expire_ms == expire_ms:
                return expire_ms, reservation_id
            heappop(self._deadlines)
        return None

    def reserved_in(self, key: tuple[str, str], period_start_ms: int, now_ms: int) -> int:
        """Sum what is held in one period of a cap; of a line's or group's cap the live holds."""
        held = self._by_cap.get((*key, period_start_ms), {})
        every = key[0] == ACCOUNT_HOLDER
        return sum(quantity for expire_ms, quantity in held.values() if every or expire_ms > now_ms)
