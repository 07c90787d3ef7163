"""What the book says of a call: the price now, what follows it, and what priced the use before."""

from typing import Final, NamedTuple

from ocs.domain.answer import Outcome, Reason
from ocs.domain.commands import GrantWish, Pieces
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.reservation import ServiceTerms
from ocs.domain.state import AccountTerms
from ocs.domain.tariff_book import PriceInForce, TariffBook
from ocs.domain.tariff_line import sooner
from ocs.domain.units import Unit
from ocs.domain.use_pieces import KnownLine, Segment, pieces_of
from ocs.limits import CLOCK_SKEW_MAX_MS, EXPIRE_GRACE_MIN_MS
from ocs.service.requests import CommitAsked, Place

_MS_PER_SECOND = 1000


class GrantPrice(NamedTuple):
    """What a next grant goes by; fields as in Commit."""

    terms: ServiceTerms | None = None
    change_ms: int = 0
    later: ServiceTerms | None = None
    grant_refusal: Outcome | None = None


class UsePrice(NamedTuple):
    """What prices reported use. unsplit: the price changed, and the report has no times."""

    pieces: Pieces = ()
    unsplit: bool = False

    def lines(self) -> list[ServiceTerms]:
        """Return the lines that are not the grant's own."""
        return [line for _, line in self.pieces if line is not None]


# What nearly every commit gets: one object each, made once.
AS_GRANTED: Final = UsePrice()
AS_BEFORE: Final = GrantPrice()


def price(
    book: TariffBook, account: AccountTerms, place: Place, at_ms: int
) -> tuple[PriceInForce | None, Outcome | Reason | None]:
    """Return how an account's service is metered and priced, and why it is refused."""
    if account.currency != book.at(at_ms).currency:
        return None, Outcome.RATING_FAILED
    found = book.price(
        account.plan, place.service_id, place.other_party, place.visited_network, at_ms
    )
    if isinstance(found, Outcome):
        return None, found
    if place.unit not in (None, found.terms.unit):
        return found, Reason.UNIT_MISMATCH
    return found, None


def later_price(
    book: TariffBook, plan: str, found: PriceInForce, wish: GrantWish, at_ms: int
) -> ServiceTerms | None:
    """Return the price after the next change, if what is held now could be used under it."""
    terms = found.terms
    validity_ms = wish.validity_ms or terms.validity_ms
    held_ms = validity_ms + max(validity_ms, EXPIRE_GRACE_MIN_MS) + CLOCK_SKEW_MAX_MS
    if found.until_ms == 0 or found.until_ms > at_ms + held_ms:
        return None
    after = book.price_in_zone(plan, terms.service_id, terms.zone, found.until_ms)
    usable = isinstance(after, PriceInForce) and after.terms.unit is terms.unit
    return after.terms if usable else None  # type: ignore[union-attr]  # usable says so


def price_commit(
    book: TariffBook,
    profile: Profile,
    facts: ReservationFacts,
    ask: CommitAsked,
    *,
    confirmed: bool,
) -> tuple[UsePrice, GrantPrice]:
    """Return what prices the use that a commit reports, and its next grant.

    confirmed: whether grants may go by the book; use is settled by it all the same.
    """
    now_ms = ask.asked.request_time_ms
    use = _price_of_use(book, facts, ask.segments, now_ms)
    if ask.wish is None:
        return use, AS_BEFORE
    if not confirmed:
        return use, GrantPrice(grant_refusal=Outcome.RATING_FAILED)
    return use, _next_price(book, profile, facts, ask.wish, now_ms)


def _next_price(
    book: TariffBook, profile: Profile, facts: ReservationFacts, wish: GrantWish, at_ms: int
) -> GrantPrice:
    """The book as it is now, in the reservation's zone."""
    plan = profile.terms.plan
    if profile.terms.currency != book.at(at_ms).currency:
        return GrantPrice(grant_refusal=Outcome.RATING_FAILED)
    found = book.price_in_zone(plan, facts.service_id, facts.zone, at_ms)
    if isinstance(found, Outcome):
        return GrantPrice(grant_refusal=found)
    terms = found.terms
    if terms.unit is not facts.unit:
        return GrantPrice(grant_refusal=Outcome.RATING_FAILED)
    later = later_price(book, plan, found, wish, at_ms) if found.until_ms else None
    now = (terms.tariff_version, terms.price_id, plan, found.until_ms)
    if now == (facts.tariff_version, facts.price_id, facts.plan, facts.change_ms):
        return AS_BEFORE if later is None else GrantPrice(later=later)
    return GrantPrice(terms, found.until_ms, later)


def _price_of_use(
    book: TariffBook, facts: ReservationFacts, segments: tuple[Segment, ...], now_ms: int
) -> UsePrice:
    """Nothing to split as long as the price of the grant still holds."""
    change_ms = sooner(facts.change_ms, book.activation_after(facts.tariff_version))
    if change_ms == 0 or now_ms < change_ms:
        return AS_GRANTED

    def price_at(at_ms: int) -> PriceInForce | Outcome:
        return book.price_in_zone(facts.plan, facts.service_id, facts.zone, at_ms)

    known = KnownLine(facts.tariff_version, facts.price_id, facts.unit)
    unsplit = any(units > 0 and start_ms == 0 for units, start_ms, _ in segments)
    return UsePrice(pieces_of(segments, known, price_at), unsplit)


def pieces_of_debit(
    book: TariffBook, account: AccountTerms, found: PriceInForce, used_units: int, event_ms: int
) -> Pieces:
    """Return the use of a debit by price: seconds that began at event_ms may cross a change."""
    terms = found.terms
    end_ms = event_ms + used_units * _MS_PER_SECOND
    if terms.unit is not Unit.SECONDS or not 0 < found.until_ms < end_ms:
        return ()

    def price_at(at_ms: int) -> PriceInForce | Outcome:
        return book.price_in_zone(account.plan, terms.service_id, terms.zone, at_ms)

    known = KnownLine(terms.tariff_version, terms.price_id, terms.unit)
    return pieces_of([(used_units, event_ms, end_ms)], known, price_at)


def named(pieces: Pieces, version: str, price_id: str) -> tuple[tuple[int, str, str], ...]:
    """Spell pieces for the journal. version, price_id: of the known line."""
    return tuple(
        (units, version, price_id)
        if terms is None
        else (units, terms.tariff_version, terms.price_id)
        for units, terms in pieces
    )
