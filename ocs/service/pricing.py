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
from ocs.service.event_times import Broken
from ocs.service.grant_sizes import SizedWish, counted, sized
from ocs.service.requests import CommitAsked, Place, ReserveAsked

_MS_PER_SECOND = 1000


class WishPrice(NamedTuple):
    """What a Reserve goes by; fields as in Reserve. terms: of what is refused, too, if known."""

    terms: ServiceTerms | None
    refusal: Outcome | Reason | None
    sized: SizedWish
    change_ms: int = 0
    later: ServiceTerms | None = None


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


class CommitPrice(NamedTuple):
    """What a Commit goes by. wish: as it is decided on. asked_units: see EventContext."""

    use: UsePrice = AS_GRANTED
    granted: GrantPrice = AS_BEFORE
    wish: GrantWish | None = None
    asked_units: int = 0
    refusal: Reason | None = None
    broken: Broken = []  # noqa: RUF012 - never changed

    def lines(self) -> list[ServiceTerms | None]:
        """Return the lines that are not the reservation's own; none if the commit is refused."""
        as_before = self.use is AS_GRANTED and self.granted is AS_BEFORE
        if as_before or self.refusal is not None:
            return []
        return [self.granted.terms, self.granted.later, *self.use.lines()]


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


def price_wish(
    book: TariffBook, account: AccountTerms, ask: ReserveAsked, broken: Broken
) -> WishPrice:
    """Return what a Reserve goes by, and what is made of it. broken: what is wrong with it."""
    at_ms = ask.place.event_time_ms or ask.asked.request_time_ms
    found, refusal = price(book, account, ask.place, at_ms)
    wish = ask.wish
    if found is None or refusal is not None:
        return WishPrice(
            found.terms if found is not None else None,
            Reason.INVALID_FIELD if broken else refusal,
            SizedWish(counted(wish), broken=broken),
        )
    terms = found.terms
    fit = sized(wish, terms, "requested_units")
    if broken or fit.broken:
        fit = fit._replace(broken=[*broken, *fit.broken])
        return WishPrice(terms, Reason.INVALID_FIELD, fit)
    if fit.refusal is not None:
        return WishPrice(terms, fit.refusal, fit)
    later = later_price(book, account.plan, found, wish, at_ms)
    return WishPrice(terms, None, fit, found.until_ms, later)


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
    profile: Profile | None,
    facts: ReservationFacts | None,
    ask: CommitAsked,
    broken: Broken,
    *,
    confirmed: bool,
) -> CommitPrice:
    """Return what prices the use that a commit reports, and its next grant.

    facts: None = the script must say them first. broken: what is wrong with the report. confirmed:
    whether grants may go by the book; use is settled by it all the same.
    """
    if facts is None or profile is None:
        return CommitPrice(wish=ask.wish)
    now_ms = ask.asked.request_time_ms
    use = _price_of_use(book, facts, ask.segments, now_ms)
    refusal = Reason.UNIT_MISMATCH if ask.unit not in (None, facts.unit) else None
    granted, wish, asked_units = AS_BEFORE, None, 0
    if ask.wish is not None:
        granted, fit = _price_next_grant(
            book, profile, facts, ask.wish, now_ms, confirmed=confirmed
        )
        broken = [*broken, *fit.broken]
        wish, asked_units = fit.wish, fit.asked_units(ask.wish)
    return CommitPrice(
        use, granted, wish, asked_units, Reason.INVALID_FIELD if broken else refusal, broken
    )


def _price_next_grant(
    book: TariffBook,
    profile: Profile,
    facts: ReservationFacts,
    wish: GrantWish,
    at_ms: int,
    *,
    confirmed: bool,
) -> tuple[GrantPrice, SizedWish]:
    found = _next_price_in_force(book, profile, facts, at_ms) if confirmed else None
    if not isinstance(found, PriceInForce):
        refused = GrantPrice(grant_refusal=found or Outcome.RATING_FAILED)
        return refused, SizedWish(counted(wish))
    fit = sized(wish, found.terms, "next_grant.requested_units")
    if fit.refusal is not None:
        return GrantPrice(grant_refusal=fit.refusal), fit
    return _next_price(book, profile.terms.plan, facts, found, fit.wish, at_ms), fit


def _next_price_in_force(
    book: TariffBook, profile: Profile, facts: ReservationFacts, at_ms: int
) -> PriceInForce | Outcome:
    """The book as it is now, in the reservation's zone."""
    if profile.terms.currency != book.at(at_ms).currency:
        return Outcome.RATING_FAILED
    found = book.price_in_zone(profile.terms.plan, facts.service_id, facts.zone, at_ms)
    if isinstance(found, PriceInForce) and found.terms.unit is not facts.unit:
        return Outcome.RATING_FAILED
    return found


def _next_price(  # noqa: PLR0917 - what it is, then what is asked
    book: TariffBook,
    plan: str,
    facts: ReservationFacts,
    found: PriceInForce,
    wish: GrantWish,
    at_ms: int,
) -> GrantPrice:
    terms = found.terms
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
