"""The charging service over a ledger on a clock of the test's own, with prices that read easily.

The cheapest place for exact figures; the same case runs over the executable specification and over
the scripts in a real Valkey, and both must give it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, NamedTuple, cast

from ocs.domain.answer import Answer, Reason
from ocs.domain.bucket import MAIN, BucketTerms
from ocs.domain.commands import (
    AddSubscriber,
    Basis,
    CreateAccount,
    Expire,
    GrantWish,
    Mutation,
    Refund,
    SetBucketThreshold,
    SetSpendingCap,
    TopUp,
)
from ocs.domain.decide.refund import collected_by
from ocs.domain.event_context import EventContext
from ocs.domain.periods import Period
from ocs.domain.rating import Rate
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import ACCOUNT_HOLDER, SpendingCap
from ocs.domain.state import AccountState, AccountTerms
from ocs.domain.tariff_book import TariffBook
from ocs.domain.units import Unit
from ocs.domain.view import as_of, caps_of
from ocs.limits import WINDOW_USED_MS
from ocs.ports import Ledger, LoggedEvent, LookupIndex, Reader
from ocs.service.books import Books
from ocs.service.charging import Charging
from ocs.service.directory import Directory
from ocs.service.errors import ServiceError
from ocs.service.journal_room import JournalRoom
from ocs.service.queries import Queries, Quote
from ocs.service.requests import (
    Asked,
    CommitAsked,
    DebitAsked,
    Payer,
    Place,
    ReleaseAsked,
    ReserveAsked,
)
from tests.support.stage_prices import MONEY, PRICES, VALIDITY_MS, tariff_at

__all__ = ["ACCOUNT", "LAPSE_MS", "MONEY", "START_MS", "TENANT", "Clock", "Stage", "refused"]

TENANT: Final = "main"
ACCOUNT: Final = "a1"
START_MS: Final = 1_790_000_000_000
# A hold lasts for its validity, and once more.
LAPSE_MS: Final = 2 * VALIDITY_MS

TARIFF: Final = tariff_at(PRICES)


@dataclass(slots=True)
class Clock:
    """Moves only when a test says so."""

    now_ms: int = START_MS

    def __call__(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return self.now_ms


class Figures(NamedTuple):
    """A bucket."""

    balance: int
    reserved: int
    spent: int


class CapFigures(NamedTuple):
    """A cap's counter in its current period."""

    spent: int
    reserved: int


Journal = Callable[[], Awaitable[list[LoggedEvent]]]


@dataclass(slots=True)
class Stage:
    """One ledger, and what is asked of it. Ids of requests are made where a test gives none."""

    ledger: Ledger
    clock: Clock
    read_journal: Journal
    charging: Charging = field(init=False)
    queries: Queries = field(init=False)
    _ids: "count[int]" = field(default_factory=lambda: count(1))
    _sent_ms: dict[str, int] = field(default_factory=dict)
    contexts: list[EventContext] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.price_by(TariffBook.of(TARIFF))

    def price_by(self, book: TariffBook) -> None:
        """Charge by this book from now on."""
        # Every case names its account, so that no index is ever asked.
        directory = Directory(cast("LookupIndex", None))
        books = Books.of_book(book)
        self.charging = Charging(
            self.ledger, directory, books, self._note_context, self.clock, room=JournalRoom()
        )
        # Quotes read accounts alone.
        self.queries = Queries(self.ledger, cast("Reader", None), directory, books)

    def _note_context(self, context: EventContext) -> bytes:
        """Keep the context here; nothing reads it from the journal."""
        self.contexts.append(context)
        return b""

    # Account keeping.

    async def open(
        self, *, credit_limit: int = 0, account_id: str = ACCOUNT, time_zone: str = "UTC"
    ) -> None:
        """Open an account with an empty `main`."""
        terms = AccountTerms("EUR", time_zone, 1, "everything", "none", credit_limit)
        await self._execute(CreateAccount(terms=terms, **self._call(account_id)))

    def price(self, service_id: str, unit: Unit, rate: Rate) -> str:
        """Offer one more service, by the unit; return its id."""
        self.price_by(TariffBook.of(tariff_at({**PRICES, service_id: (unit, rate)})))
        return service_id

    async def credit(
        self,
        quantity: int,
        *,
        bucket_id: str = MAIN,
        terms: BucketTerms | None = None,
        account_id: str = ACCOUNT,
        request_id: str = "",
    ) -> Answer:
        """Credit a bucket; terms open a new one. request_id: of the payment, too."""
        return await self._execute(
            TopUp(
                payment_reference=request_id or f"p{next(self._ids)}",
                bucket_id=bucket_id,
                terms=terms,
                quantity=quantity,
                unit=terms.unit if terms is not None else Unit.MICROS,
                **self._call(account_id, request_id),
            )
        )

    async def cap(
        self,
        limit: int,
        *,
        cap_id: str = "c1",
        unit: Unit = Unit.MICROS,
        period: Period = Period.DAY,
        holder: str = ACCOUNT_HOLDER,
    ) -> None:
        """Set a cap."""
        cap = SpendingCap(holder, cap_id, unit, limit, period)
        await self._execute(SetSpendingCap(cap=cap, **self._call(ACCOUNT)))

    async def mark(self, threshold: int, *, bucket_id: str = MAIN) -> None:
        """Set the threshold of a bucket."""
        unit = (await self.state()).buckets[bucket_id].terms.unit
        call = self._call(ACCOUNT)
        await self._execute(
            SetBucketThreshold(bucket_id=bucket_id, unit=unit, threshold=threshold, **call)
        )

    async def subscriber(self, subscriber_id: str, *, account_id: str = ACCOUNT) -> None:
        """Add a line."""
        await self._execute(
            AddSubscriber(
                subscriber_id=subscriber_id,
                identities=(),
                group_ids=(),
                **self._call(account_id),
            )
        )

    async def sweep(self, account_id: str = ACCOUNT) -> int:
        """Do the expiry job's work on the account; return how many holds and buckets ended."""
        answer = await self.ledger.expire(Expire(tenant=TENANT, account_id=account_id))
        assert answer.reason is None
        return answer.expired_count

    # Charging.

    async def reserve(
        self,
        units: int,
        service_id: str = "work",
        *,
        request_id: str = "",
        all_or_nothing: bool = False,
        validity_ms: int = 0,
        session_id: str = "",
        subscriber_id: str = "",
        account_id: str = ACCOUNT,
    ) -> Answer:
        """Reserve; the reservation is named as the request."""
        answer, _, _ = await self.charging.reserve(
            ReserveAsked(
                self._asked(request_id),
                Payer(account_id, subscriber_id),
                Place(service_id, None, "", "", 0),
                GrantWish(
                    requested_units=units,
                    all_or_nothing=all_or_nothing,
                    validity_ms=validity_ms,
                ),
                "",
                session_id,
                -1,
            )
        )
        return answer

    async def commit(
        self,
        reservation_id: str,
        units: int,
        *,
        request_id: str = "",
        step: Step = Step.CLOSE,
        next_units: int = 0,
        asks: bool = False,
        all_or_nothing: bool = False,
        reject: bool = False,
        account_id: str = ACCOUNT,
        used: tuple[tuple[int, int, int], ...] = (),
    ) -> Answer:
        """Report use; next_units asks for a next grant. used: segments, instead of units.

        asks: for a next grant, also without a number of units.
        """
        wish = None
        if asks or next_units:
            wish = GrantWish(requested_units=next_units, all_or_nothing=all_or_nothing)
        answer, _, _ = await self.charging.commit(
            CommitAsked(
                self._asked(request_id),
                account_id,
                reservation_id,
                used or ((units, 0, 0),),
                Step.NEXT_GRANT if wish is not None else step,
                wish,
                "",
                -1,
                reject,
                None,
            )
        )
        return answer

    async def release(self, reservation_id: str, *, request_id: str = "") -> Answer:
        """Give everything back."""
        return await self.charging.release(
            ReleaseAsked(self._asked(request_id), ACCOUNT, reservation_id)
        )

    async def debit(
        self,
        units: int,
        service_id: str = "work",
        *,
        request_id: str = "",
        basis: Basis = Basis.USED,
        session_id: str = "",
        subscriber_id: str = "",
        account_id: str = ACCOUNT,
        event_ms: int = 0,
    ) -> Answer:
        """Charge at once."""
        answer, _ = await self.charging.debit(
            DebitAsked(
                self._asked(request_id),
                Payer(account_id, subscriber_id),
                Place(service_id, None, "", "", event_ms),
                basis,
                units,
                session_id,
                -1,
            )
        )
        return answer

    async def refund(self, seq: int) -> Answer:
        """Give back all that an event collected."""
        logged = next(one for one in await self.read_journal() if one.event.seq == seq)
        position, collected = logged.position, collected_by(logged.event)
        call = self._call(ACCOUNT)
        return await self._execute(Refund(seq=seq, position=position, collected=collected, **call))

    # What there is.

    async def quote(self, units: int, service_id: str = "work") -> Quote:
        """Price units; say who would pay."""
        place = Place(service_id, None, "", "", 0)
        return await self.queries.quote(TENANT, Payer(ACCOUNT), place, units)

    async def state(self, account_id: str = ACCOUNT) -> AccountState:
        """Read the account; what is due counts as expired."""
        found = await self.ledger.snapshot(TENANT, account_id)
        assert not isinstance(found, Answer), found
        state, store_ms = found
        return as_of(state, store_ms)

    async def bucket(self, bucket_id: str = MAIN, *, account_id: str = ACCOUNT) -> Figures:
        """Read a bucket."""
        bucket = (await self.state(account_id)).buckets[bucket_id]
        return Figures(bucket.balance, bucket.reserved, bucket.spent)

    async def counted(self, cap_id: str = "c1", *, holder: str = ACCOUNT_HOLDER) -> CapFigures:
        """Read a cap's counter."""
        caps = caps_of(await self.state(), holder, self.clock.now_ms)
        found = next(cap for cap in caps if cap.cap.cap_id == cap_id)
        return CapFigures(found.spent, found.reserved)

    # Helpers.

    def _asked(self, request_id: str) -> Asked:
        request_id = request_id or f"q{next(self._ids)}"
        # A resend carries the time of its first send.
        sent_ms = self._sent_ms.setdefault(request_id, self.clock.now_ms)
        return Asked(TENANT, "cases", 0, request_id, sent_ms)

    def _call(self, account_id: str, request_id: str = "") -> dict[str, Any]:
        request_id = request_id or f"q{next(self._ids)}"
        return {
            "tenant": TENANT,
            "account_id": account_id,
            "request_id": request_id,
            "fingerprint": request_id,
            "request_time_ms": self.clock.now_ms,
            "window_ms": WINDOW_USED_MS,
        }

    async def _execute(self, command: Mutation) -> Answer:
        answer = await self.ledger.execute(command)
        assert answer.reason is None, answer
        return answer


async def refused(call: Awaitable[object]) -> Reason:
    """Return why a call that must fail failed."""
    try:
        answer = await call
    except ServiceError as error:
        return error.reason
    raise AssertionError(f"answered {answer!r}")
