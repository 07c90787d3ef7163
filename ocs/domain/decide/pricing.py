"""What prices this use, and this hold: the lines of the tariff, joined where there are several."""

from collections.abc import Sequence

from ocs.domain.allocation import target_of
from ocs.domain.commands import GrantWish, Pieces
from ocs.domain.decide.grant import CapInForce
from ocs.domain.price_function import (
    Joined,
    Part,
    PriceFunction,
    dearest,
    grid_of,
    tier_moved,
    tier_steps,
)
from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms, SessionRating
from ocs.limits import QUANTITY_MAX


def price_of_use(
    terms: ServiceTerms,
    rating: SessionRating,
    used_units: int,
    pieces: Pieces,
    caps: Sequence[CapInForce],
) -> tuple[PriceFunction, int] | None:
    """Return what prices a report of use, and up to where it rates the session.

    pieces: the use by price, in order; empty: all of it by `terms`. None: it has no price inside
    the exact range.
    """
    if not pieces and not terms.tier:
        target = target_of(terms.rate, rating, used_units)
        return None if target is None else (terms.rate, target)
    parts: list[Part] = []
    at, position, total = rating.paid_to, rating.position, 0
    first = (pieces[0][1] if pieces else None) or terms
    for units, found in pieces or ((used_units, None),):
        line = found or terms
        shift = _spent(line, caps) - rating.paid_to if line.tier else 0
        price: PriceFunction = tier_moved(line.rate, shift) if line.tier else line.rate
        end = target_of(price, SessionRating(0, position, at), units)
        base = price.cost(at)
        if end is None or base is None:
            return None
        top = price.cost(end)
        assert top is not None
        parts.append(Part(line.rate, shift, total - base, end))
        at, position, total = end, position + units, total + top - base
    if total > QUANTITY_MAX - first.rate.connect_micros:
        return None
    return Joined(tuple(parts), first.rate, first.rate.connect_micros), at


def price_of_hold(
    terms: ServiceTerms,
    later: ServiceTerms | None,
    rating: SessionRating,
    wish: GrantWish,
    caps: Sequence[CapInForce],
) -> PriceFunction | None:
    """Return what a grant is held at: the dearest of what its use may come to be priced by.

    later: the price after the next change, if the hold may be used beyond it. A tier's use may
    begin anywhere from where the counter stands to where all that is held of it would end. None:
    there is no price inside the exact range.
    """
    if not terms.tier and later is None:
        return terms.rate
    prices: list[tuple[Rate, int]] = []
    for line in (terms, later):
        if line is None:
            continue
        if not line.tier:
            prices.append((line.rate, 0))
            continue
        spent, increment = _spent(line, caps), line.rate.steps[0].increment
        beyond = spent + _held(line, caps) + wish.requested_units + increment
        steps = tier_steps(line.rate, spent, beyond)
        prices += [(step, -rating.paid_to) for step in steps]
    return dearest(rating.paid_to, prices, grid_of(terms.rate, tiered=bool(terms.tier)))


def _spent(terms: ServiceTerms, caps: Sequence[CapInForce]) -> int:
    """Where the account's use of a tier stands in this period."""
    return sum(cap.spent for cap in caps if cap.cap.cap_id == terms.tier)


def _held(terms: ServiceTerms, caps: Sequence[CapInForce]) -> int:
    return sum(cap.reserved for cap in caps if cap.cap.cap_id == terms.tier)
