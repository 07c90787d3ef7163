"""How much a grant may be, by the line of the tariff that prices it.

A wish is resolved here, before the scripts decide on it: they know a least grant and no other size.
"""

from dataclasses import replace
from typing import Final, NamedTuple

from ocs.domain.answer import Outcome
from ocs.domain.commands import GrantWish
from ocs.domain.reservation import ServiceTerms
from ocs.service.event_times import Broken

_UNSAID: Final = "is required: the tariff has no grant_default here"


class SizedWish(NamedTuple):
    """What is decided on. refusal: why it can be no grant; broken: what the caller must say."""

    wish: GrantWish
    refusal: Outcome | None = None
    broken: Broken = []  # noqa: RUF012 - never changed

    def asked_units(self, asked: GrantWish) -> int:
        """Return what the caller asked for, if the tariff cut it; 0: it did not."""
        units = asked.requested_units
        return units if units > self.wish.requested_units else 0


def sized(wish: GrantWish, terms: ServiceTerms, field: str) -> SizedWish:
    """Take the default if no units are named, and cut what is more than the most.

    field: path of requested_units in the caller's message. Who wants all or nothing and asks for
    more than the most gets nothing.
    """
    units = wish.requested_units or terms.grant_default
    if not units:
        return SizedWish(counted(wish), broken=[(field, _UNSAID)])
    if terms.grant_max and units > terms.grant_max:
        if wish.all_or_nothing:
            return SizedWish(wish, Outcome.GRANT_MAX_EXCEEDED)
        units = terms.grant_max
    if units == wish.requested_units:
        return SizedWish(wish)
    return SizedWish(replace(wish, requested_units=units))


def counted(wish: GrantWish) -> GrantWish:
    """Return what is refused without a size: who names no units wants one at least."""
    return wish if wish.requested_units else replace(wish, requested_units=1)
