"""Use cases of ChargingService: find the account, price the service, run one command.

The script decides on the state it reads; here it is only told what a server may know in advance:
the account's terms, its caps and the price. If that was out of date the script writes nothing and
says so, and the call is built again, twice at most.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from zlib import crc32

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import Basis, Commit, Debit, Mutation, Pieces, Release, Reserve
from ocs.domain.event_context import EventContext
from ocs.domain.fingerprint import fingerprint
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.reservation import ServiceTerms
from ocs.limits import (
    JITTER_PERMILLE_MAX,
    STALE_RETRIES_MAX,
    WINDOW_GRANT_MS,
    WINDOW_SETTLE_MS,
    WINDOW_USED_MS,
)
from ocs.ports import Clock, ContextEncoder, Ledger
from ocs.service.books import Books
from ocs.service.contexts import charge_context, commit_context, settle_context
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError, failure
from ocs.service.event_times import (
    Broken,
    broken_time_of_use,
    broken_time_of_wish,
    broken_times_of_segments,
)
from ocs.service.journal_room import JournalRoom
from ocs.service.meanings import commit_meaning, debit_meaning, reserve_meaning
from ocs.service.pricing import (
    named,
    pieces_of_debit,
    price,
    price_commit,
    price_wish,
)
from ocs.service.requests import (
    Asked,
    CommitAsked,
    DebitAsked,
    Payer,
    ReleaseAsked,
    ReserveAsked,
)
from ocs.service.tiers import Tiers

_STALE = (Reason.STALE_PROFILE, Reason.STALE_RESERVATION)

T = TypeVar("T")


class Charging:
    """Reserve, commit, release, debit."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        books: Books,
        encode: ContextEncoder,
        now_ms: Clock,
        *,
        room: JournalRoom,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._books = books
        self._encode = encode
        self._now_ms = now_ms
        self._room = room
        self._tiers = Tiers(ledger, encode)

    async def reserve(self, ask: ReserveAsked) -> tuple[Answer, Profile, ServiceTerms | None]:
        """Hold units. Raises ServiceError for every reason; refusals are outcomes."""
        asked, place = ask.asked, ask.place
        reservation_id = ask.reservation_id or asked.request_id
        session_id = ask.session_id or reservation_id
        broken = broken_time_of_wish(place, asked.request_time_ms, self._now_ms())
        ask.wish.jitter_permille = _jitter(asked)
        self._check_grants()
        book = self._books.of(asked.tenant)

        async def attempt(*, fresh: bool) -> tuple[Answer, tuple[Profile, ServiceTerms | None]]:
            profile = await self._payer(asked.tenant, ask.payer, fresh=fresh)
            priced = price_wish(book, profile.terms, ask, broken)
            terms, fit = priced.terms, priced.sized
            if terms is not None and priced.refusal is None:
                profile = await self._tiers.counted(asked, profile, terms, priced.later)
            context = charge_context(asked, profile, terms, place)
            context.session_id = session_id
            context.sequence_number = ask.sequence_number
            context.asked_units = fit.asked_units(ask.wish)
            answer = await self._execute(
                Reserve(
                    tenant=asked.tenant,
                    account_id=profile.account_id,
                    request_id=asked.request_id,
                    fingerprint=reserve_meaning(
                        ask, profile.subscriber_id, reservation_id, session_id
                    ),
                    request_time_ms=asked.request_time_ms,
                    window_ms=WINDOW_GRANT_MS,
                    context=self._encoded(asked, context),
                    deadline_ms=asked.deadline_ms,
                    profile=profile,
                    service_id=place.service_id,
                    terms=terms if priced.refusal is None else None,
                    refusal=priced.refusal,
                    wish=fit.wish,
                    reservation_id=reservation_id,
                    session_id=session_id,
                    sequence_number=ask.sequence_number,
                    change_ms=priced.change_ms,
                    later=priced.later,
                ),
                fit.broken,
            )
            return answer, (profile, terms)

        answer, (profile, terms) = await _until_current(attempt)
        return answer, profile, terms

    async def debit(self, ask: DebitAsked) -> tuple[Answer, Profile]:
        """Charge at once. Raises ServiceError for every reason; refusals are outcomes."""
        asked, place = ask.asked, ask.place
        used = ask.basis is Basis.USED
        now_ms = self._now_ms()
        broken = (
            broken_time_of_use(place, now_ms)
            if used
            else broken_time_of_wish(place, asked.request_time_ms, now_ms)
        )
        if not used:
            self._check_grants()
        book = self._books.of(asked.tenant)

        async def attempt(*, fresh: bool) -> tuple[Answer, Profile]:
            profile = await self._payer(asked.tenant, ask.payer, fresh=fresh)
            at_ms = place.event_time_ms or asked.request_time_ms
            found, unpriced = price(book, profile.terms, place, at_ms)
            refusal = _misfit(broken, unpriced)
            terms = found.terms if found is not None else None
            pieces: Pieces = ()
            if found is not None and refusal is None:
                if place.event_time_ms:
                    account, units = profile.terms, ask.used_units
                    pieces = pieces_of_debit(book, account, found, units, at_ms)
                lines = (line for _, line in pieces)
                profile = await self._tiers.counted(asked, profile, found.terms, *lines)
            context = charge_context(asked, profile, terms, place)
            context.pieces = named(pieces, context.tariff_version, context.price_id)
            context.session_id = ask.session_id
            context.sequence_number = ask.sequence_number
            answer = await self._execute(
                Debit(
                    tenant=asked.tenant,
                    account_id=profile.account_id,
                    request_id=asked.request_id,
                    fingerprint=debit_meaning(ask, profile.subscriber_id),
                    request_time_ms=asked.request_time_ms,
                    window_ms=WINDOW_USED_MS if used else WINDOW_GRANT_MS,
                    context=self._encoded(asked, context),
                    deadline_ms=asked.deadline_ms,
                    profile=profile,
                    service_id=place.service_id,
                    terms=terms if refusal is None else None,
                    refusal=refusal,
                    basis=ask.basis,
                    used_units=ask.used_units,
                    session_id=ask.session_id,
                    sequence_number=ask.sequence_number,
                    pieces=pieces,
                ),
                broken,
            )
            return answer, profile

        return await _until_current(attempt)

    async def commit(
        self, ask: CommitAsked
    ) -> tuple[Answer, ReservationFacts | None, Profile | None]:
        """Settle use. Raises ServiceError for every reason; a refused next grant is an outcome."""
        asked, wish = ask.asked, ask.wish
        at = (asked.tenant, ask.account_id, ask.reservation_id)
        book = self._books.of(asked.tenant)
        next_id = ask.next_reservation_id or asked.request_id
        broken = broken_times_of_segments(ask.segments, self._now_ms())
        if wish is not None:
            wish.jitter_permille = _jitter(asked)

        async def attempt(
            *, fresh: bool
        ) -> tuple[Answer, tuple[ReservationFacts | None, Profile | None]]:
            facts, profile = await self._facts(at, fresh=fresh)
            may_grant = self._books.confirmed and not self._room.full
            priced = price_commit(book, profile, facts, ask, broken, confirmed=may_grant)
            granted = priced.granted
            if profile is not None and (lines := priced.lines()):
                profile = await self._tiers.counted(asked, profile, *lines)
            context = commit_context(ask, facts, profile, priced.use)
            context.asked_units = priced.asked_units
            answer = await self._execute(
                Commit(
                    tenant=asked.tenant,
                    account_id=ask.account_id,
                    request_id=asked.request_id,
                    fingerprint=commit_meaning(ask, next_id),
                    request_time_ms=asked.request_time_ms,
                    window_ms=WINDOW_SETTLE_MS,
                    context=self._encoded(asked, context),
                    deadline_ms=asked.deadline_ms,
                    profile=profile,
                    reservation=facts,
                    reservation_id=ask.reservation_id,
                    used_units=sum(segment[0] for segment in ask.segments),
                    step=ask.step,
                    wish=priced.wish,
                    next_reservation_id=next_id,
                    sequence_number=ask.sequence_number,
                    reject_overrun=ask.reject_overrun,
                    refusal=priced.refusal,
                    pieces=priced.use.pieces,
                    terms=granted.terms,
                    change_ms=granted.change_ms,
                    later=granted.later,
                    grant_refusal=granted.grant_refusal,
                ),
                priced.broken,
            )
            return answer, (facts, profile)

        answer, (facts, profile) = await _until_current(attempt)
        if facts is None and answer.replayed:
            # A process that never saw the reservation renders the recorded answer all the same.
            facts = await self._ledger.reservation_facts(*at, fresh=True)
        return answer, facts, profile

    async def release(self, ask: ReleaseAsked) -> Answer:
        """Give everything back. Raises ServiceError for every reason."""
        asked = ask.asked
        at = (asked.tenant, ask.account_id, ask.reservation_id)

        async def attempt(*, fresh: bool) -> tuple[Answer, None]:
            facts, profile = await self._facts(at, fresh=fresh)
            answer = await self._ledger.execute(
                Release(
                    tenant=asked.tenant,
                    account_id=ask.account_id,
                    request_id=asked.request_id,
                    fingerprint=fingerprint("Release", ask.reservation_id, asked.request_time_ms),
                    request_time_ms=asked.request_time_ms,
                    window_ms=WINDOW_SETTLE_MS,
                    context=self._encoded(asked, settle_context(asked, facts, profile)),
                    deadline_ms=asked.deadline_ms,
                    profile=profile,
                    reservation=facts,
                    reservation_id=ask.reservation_id,
                )
            )
            return answer, None

        answer, _ = await _until_current(attempt)
        return answer

    def _check_grants(self) -> None:
        """Raise ServiceError unless book and journal allow grants."""
        self._books.check()
        self._room.check()

    async def account_of(self, tenant: str, payer: Payer) -> str:
        """Return the account that a request is about, as far as the index knows."""
        return (await self._directory.payer(tenant, payer))[0]

    async def _payer(self, tenant: str, payer: Payer, *, fresh: bool) -> Profile:
        """Return who pays: of an identity, the line that has it; the index may lag behind."""
        at = await self._directory.payer(tenant, payer)
        if payer.identity is None:
            return await self._profile(tenant, *at, fresh=fresh)
        found = await self._ledger.profile(tenant, *at, fresh=fresh)
        if isinstance(found, Profile) and payer.identity in found.identities:
            return found
        if isinstance(found, Answer) and found.reason is not Reason.SUBSCRIBER_NOT_FOUND:
            raise failure(found)
        at = await self._directory.payer(tenant, payer, fresh=True)
        return await self._profile(tenant, *at, fresh=True)

    async def _profile(
        self, tenant: str, account_id: str, subscriber_id: str, *, fresh: bool
    ) -> Profile:
        found = await self._ledger.profile(tenant, account_id, subscriber_id, fresh=fresh)
        if isinstance(found, Answer):
            raise failure(found)
        return found

    async def _facts(
        self, at: tuple[str, str, str], *, fresh: bool
    ) -> tuple[ReservationFacts | None, Profile | None]:
        """What this server knows of a reservation and of who pays; the script says if it is old."""
        facts = await self._ledger.reservation_facts(*at)
        if facts is None:
            return None, None
        found = await self._ledger.profile(at[0], at[1], facts.subscriber_id, fresh=fresh)
        if isinstance(found, Answer) and found.reason is Reason.SUBSCRIBER_NOT_FOUND:
            # The line was removed: late use is charged all the same, to the account alone.
            found = await self._ledger.profile(at[0], at[1], "", fresh=True)
        if isinstance(found, Answer):
            raise failure(found)
        return facts, found

    async def _execute(self, command: Mutation, broken: Broken) -> Answer:
        """Run a command; if it is refused for what is broken, say what that is."""
        answer = await self._ledger.execute(command)
        if answer.reason is Reason.INVALID_FIELD:
            raise ServiceError(answer.reason, account_seq=answer.seq, violations=broken)
        return answer

    def _encoded(self, asked: Asked, context: EventContext) -> bytes:
        book = self._books.of(asked.tenant)
        context.tax_included = book.tax_included(context.tariff_version)
        return self._encode(context)


def _jitter(asked: Asked) -> int:
    """By how much a grant's validity is shortened, if it is cut; the same for a resend."""
    return crc32(asked.request_id.encode()) % (JITTER_PERMILLE_MAX + 1)


def _misfit(broken: Broken, refusal: T) -> T | Reason:
    """Return why a call is refused: what breaks a rule comes before what the price book says."""
    return Reason.INVALID_FIELD if broken else refusal


async def _until_current(attempt: Callable[..., Awaitable[tuple[Answer, T]]]) -> tuple[Answer, T]:
    """Run an attempt again while the script finds it built on an old view; raise its reason."""
    answer, found = await attempt(fresh=False)
    for _ in range(STALE_RETRIES_MAX):
        if answer.reason not in _STALE:
            break
        answer, found = await attempt(fresh=True)
    if answer.reason is not None:
        raise failure(answer)
    return answer, found
