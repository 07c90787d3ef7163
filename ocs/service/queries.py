"""Use cases that only read: reservations, request records, prices, lists of accounts."""

from typing import NamedTuple

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import Basis, Debit, Pieces
from ocs.domain.explanation import ExplainedLine, explain, first_use, grant_cut
from ocs.domain.known import Profile
from ocs.domain.reservation import ServiceTerms
from ocs.domain.state import RequestRecord
from ocs.domain.view import PricedUse, ReservationView, quote
from ocs.limits import PAGE_DEFAULT, PAGE_MAX, WINDOW_GRANT_MS
from ocs.ports import AccountSummary, Ledger, Reader
from ocs.service.books import Books
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError, failure
from ocs.service.event_times import broken_time_of_quote
from ocs.service.pricing import pieces_of_debit, price
from ocs.service.requests import Payer, Place


class Quote(NamedTuple):
    """What a debit would be answered, its price, and how that came about."""

    account_id: str
    currency: str
    terms: ServiceTerms | None
    priced: PricedUse
    explanation: list[ExplainedLine]


class Queries:
    """Reads. Raises ServiceError for every reason."""

    def __init__(self, ledger: Ledger, reader: Reader, directory: Directory, books: Books) -> None:
        self._ledger = ledger
        self._reader = reader
        self._directory = directory
        self._books = books

    async def reservation(
        self, tenant: str, account_id: str, reservation_id: str
    ) -> tuple[ReservationView, int]:
        """Read a reservation, while it is remembered, and the store's clock."""
        found = await self._reader.reservation(tenant, account_id, reservation_id)
        if isinstance(found, Answer):
            raise failure(found)
        return found

    async def open_reservations(
        self, tenant: str, account_id: str, page_size: int, page_token: str
    ) -> tuple[list[ReservationView], str, int]:
        """Read a page of an account's open reservations, and the next page's token."""
        count = page_count(page_size)
        found = await self._reader.open_reservations(tenant, account_id, page_token, count + 1)
        if isinstance(found, Answer):
            raise failure(found)
        views, store_ms = found
        more = len(views) > count
        token = views[count - 1].reservation.reservation_id if more else ""
        return views[:count], token, store_ms

    async def request(self, tenant: str, account_id: str, request_id: str) -> RequestRecord:
        """Read what a request_id led to, while a resend would be answered from its record."""
        found = await self._reader.request(tenant, account_id, request_id)
        if isinstance(found, Answer):
            raise failure(found)
        return found

    async def accounts(
        self, tenant: str, page_size: int, page_token: str
    ) -> tuple[list[AccountSummary], str]:
        """Read a page of the tenant's accounts, and the next page's token."""
        partition, _, behind = (page_token or "0/").partition("/")
        place = (int(partition), behind)
        found = await self._reader.list_accounts(tenant, place, page_count(page_size))
        if isinstance(found, Answer):
            raise failure(found)
        summaries, (partition_after, last) = found
        return summaries, f"{partition_after}/{last}" if partition_after >= 0 else ""

    async def quote(self, tenant: str, payer: Payer, place: Place, units: int) -> Quote:
        """Price units, and say who would pay for them if they were debited now."""
        account_id, subscriber_id = await self._directory.payer(tenant, payer, fresh=True)
        found = await self._ledger.snapshot(tenant, account_id)
        if isinstance(found, Answer):
            raise failure(found)
        state, store_ms = found
        if broken := broken_time_of_quote(place, store_ms):
            raise ServiceError(Reason.INVALID_FIELD, account_seq=state.seq, violations=broken)
        event_ms = place.event_time_ms or store_ms
        book = self._books.of(tenant)
        in_force, refusal = price(book, state.terms, place, event_ms)
        if isinstance(refusal, Reason):
            raise ServiceError(refusal, account_seq=state.seq)
        terms: ServiceTerms | None = None
        pieces: Pieces = ()
        if in_force is not None:
            terms = in_force.terms
            pieces = pieces_of_debit(book, state.terms, in_force, units, event_ms)
        version = state.profile_version
        command = Debit(
            tenant=tenant,
            account_id=account_id,
            request_id="",
            fingerprint="",
            request_time_ms=store_ms,
            window_ms=WINDOW_GRANT_MS,
            profile=Profile(tenant, account_id, version, state.terms, subscriber_id, (), ()),
            service_id=place.service_id,
            terms=terms,
            refusal=refusal,
            basis=Basis.AUTHORIZE,
            used_units=units,
            pieces=pieces,
        )
        priced = quote(state, command, store_ms)
        if priced.answer.reason is not None:
            raise failure(priced.answer)
        return Quote(account_id, state.terms.currency, terms, priced, _explained(command, priced))


def _explained(command: Debit, priced: PricedUse) -> list[ExplainedLine]:
    if priced.price is None or command.terms is None:
        return []
    lines = [line or command.terms for _, line in command.pieces] or [command.terms]
    used = (command.used_units, priced.rated_units)
    currency, payments = command.profile.terms.currency, priced.answer.payments
    what = first_use(lines, currency, used, priced.price, payments)
    return [*explain(what), *grant_cut(command.terms, command.used_units)]


def page_count(page_size: int) -> int:
    """Return how many entries a page has."""
    return min(page_size or PAGE_DEFAULT, PAGE_MAX)
