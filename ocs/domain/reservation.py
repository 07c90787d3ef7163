"""The life of a reservation, as one table.

A reservation ends exactly once: closed, released or expired (P7). An expired one still takes late
use while it is remembered; a closed or released one takes nothing.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from ocs.domain.answer import Reason
from ocs.domain.rating import Rate
from ocs.domain.units import Unit


class ReservationState(enum.StrEnum):
    """Where a reservation is in its life; the values are the words used in the store."""

    OPEN = "open"
    CLOSED = "closed"
    RELEASED = "released"
    EXPIRED = "expired"


class Step(enum.StrEnum):
    """What can happen to a reservation."""

    KEEP = "keep"
    NEXT_GRANT = "next_grant"
    CLOSE = "close"
    RELEASE = "release"
    EXPIRE = "expire"


_S = ReservationState

# (state, step) -> the state after, or why the step is refused.
TRANSITIONS: Final[Mapping[tuple[ReservationState, Step], ReservationState | Reason]] = (
    MappingProxyType(
        {
            (_S.OPEN, Step.KEEP): _S.OPEN,
            (_S.OPEN, Step.NEXT_GRANT): _S.OPEN,
            (_S.OPEN, Step.CLOSE): _S.CLOSED,
            (_S.OPEN, Step.RELEASE): _S.RELEASED,
            (_S.OPEN, Step.EXPIRE): _S.EXPIRED,
            # Late use is charged; a next grant opens a successor, this one stays expired.
            (_S.EXPIRED, Step.KEEP): _S.EXPIRED,
            (_S.EXPIRED, Step.NEXT_GRANT): _S.EXPIRED,
            (_S.EXPIRED, Step.CLOSE): _S.CLOSED,
            (_S.EXPIRED, Step.RELEASE): Reason.RESERVATION_EXPIRED,
            (_S.CLOSED, Step.KEEP): Reason.RESERVATION_CLOSED,
            (_S.CLOSED, Step.NEXT_GRANT): Reason.RESERVATION_CLOSED,
            (_S.CLOSED, Step.CLOSE): Reason.RESERVATION_CLOSED,
            (_S.CLOSED, Step.RELEASE): Reason.RESERVATION_CLOSED,
            (_S.RELEASED, Step.KEEP): Reason.RESERVATION_CLOSED,
            (_S.RELEASED, Step.NEXT_GRANT): Reason.RESERVATION_CLOSED,
            (_S.RELEASED, Step.CLOSE): Reason.RESERVATION_CLOSED,
            (_S.RELEASED, Step.RELEASE): Reason.RESERVATION_CLOSED,
        }
    )
)


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """How a service is metered, priced and granted: one line of the tariff, for one zone.

    grant_min: least partial grant, units. validity_ms: 1 s .. 24 h. price_id: names the line inside
    its version, e.g. `voice/eu-roaming/peak`; empty: there is one only. tier: the counter of the
    account's use that the steps go by instead of the session's, a cap's id; empty: none. partner:
    the carrier that is owed a wholesale price; empty: none. grant_default, grant_max: units granted
    where none are named, and at most; 0 = not said. Wishes are resolved by them before they are
    decided on, so reservations do not keep them, and they are no part of what prices it.
    """

    service_id: str
    unit: Unit
    zone: str
    rate: Rate
    grant_min: int
    validity_ms: int
    tariff_version: str
    price_id: str = ""
    tier: str = ""
    partner: str = ""
    grant_default: int = field(default=0, compare=False)
    grant_max: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is fixed when a reservation opens, and where it is in its life.

    forget_ms: when it is no longer remembered; from then on its id is unknown. terms: the price it
    was granted by last, which prices its use before change_ms (0: until further notice). plan: the
    account's then.
    """

    reservation_id: str
    state: ReservationState
    forget_ms: int
    session_id: str
    subscriber_id: str
    terms: ServiceTerms
    plan: str = ""
    change_ms: int = 0


@dataclass(frozen=True, slots=True)
class CapLine:
    """A quantity held in one period of a cap."""

    holder: str
    cap_id: str
    period_start_ms: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Hold:
    """What an open reservation holds.

    granted_units: what is left of the quota. lines: (bucket_id, quantity) in paying order.
    """

    expire_ms: int
    granted_units: int
    lines: tuple[tuple[str, int], ...] = ()
    cap_lines: tuple[CapLine, ...] = ()

    def without(self, cap: tuple[str, str]) -> "Hold":
        """Return the hold without what it holds in a cap (holder, cap_id)."""
        kept = tuple(line for line in self.cap_lines if (line.holder, line.cap_id) != cap)
        return self if len(kept) == len(self.cap_lines) else replace(self, cap_lines=kept)


@dataclass(frozen=True, slots=True)
class SessionRating:
    """How far a session of one service has come.

    position: units used. paid_to: rated up to there, a whole number of increments.
    sequence_number: the highest seen, -1 if none. expire_ms: when it is forgotten.
    """

    expire_ms: int
    position: int = 0
    paid_to: int = 0
    sequence_number: int = -1
