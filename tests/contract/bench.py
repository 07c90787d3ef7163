"""A ledger under contract, and short ways to ask it."""

from dataclasses import dataclass, field
from typing import Any

from ocs.domain.answer import Answer
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import AddSubscriber, Commit, CreateAccount, GrantWish, Reserve, TopUp
from ocs.domain.known import Profile
from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.state import AccountState, AccountTerms
from ocs.domain.units import Unit
from ocs.ports import Ledger, Reader

START_MS = 1_790_000_000_000
MINUTE_MS = 60_000
TERMS = ServiceTerms("data", Unit.OCTETS, "", Rate.flat(1, 2, 1), 1, 10 * MINUTE_MS, "v1")


@dataclass
class Bench:
    """A ledger, its clock, and short ways to ask it."""

    ledger: Ledger
    reader: Reader
    clock: list[int] = field(default_factory=lambda: [START_MS])
    sent_count: int = 0

    def call(self) -> dict[str, Any]:
        """Fields of the next request."""
        self.sent_count += 1
        return {
            "tenant": "main",
            "account_id": "a1",
            "request_id": f"q{self.sent_count}",
            "fingerprint": f"f{self.sent_count}",
            "request_time_ms": self.clock[0],
            "window_ms": 60 * MINUTE_MS,
        }

    async def open(self, money: int = 1_000) -> None:
        """An account with a line and some money."""
        terms = AccountTerms("EUR", "UTC", 1, "plan", "gold", 0)
        await self.ledger.execute(CreateAccount(terms=terms, **self.call()))
        await self.ledger.execute(
            AddSubscriber(subscriber_id="s1", identities=(), group_ids=("g1",), **self.call())
        )
        await self.top_up("main", money)

    async def top_up(self, bucket: str, quantity: int, terms: BucketTerms | None = None) -> Answer:
        """Credit a bucket."""
        call = self.call()
        return await self.ledger.execute(
            TopUp(
                payment_reference=call["request_id"],
                bucket_id=bucket,
                terms=terms,
                quantity=quantity,
                unit=terms.unit if terms is not None else Unit.MICROS,
                **call,
            )
        )

    async def profile(self, subscriber: str = "") -> Profile:
        """The current profile."""
        found = await self.ledger.profile("main", "a1", subscriber, fresh=True)
        assert isinstance(found, Profile)
        return found

    async def reserve(self, units: int, name: str = "r1", **more: Any) -> Answer:
        """Hold units, 2 micro-units each."""
        return await self.ledger.execute(
            Reserve(
                profile=more.pop("profile", None) or await self.profile(),
                service_id="data",
                terms=TERMS,
                refusal=None,
                wish=GrantWish(requested_units=units, all_or_nothing=more.pop("whole", False)),
                reservation_id=name,
                session_id=name,
                **(more or self.call()),
            )
        )

    async def settle(self, used: int, step: Step, name: str = "r1", subscriber: str = "") -> Answer:
        """Commit use, by what the reservation says of itself."""
        facts = await self.ledger.reservation_facts("main", "a1", name, fresh=True)
        return await self.ledger.execute(
            Commit(
                profile=await self.profile(subscriber),
                reservation=facts,
                reservation_id=name,
                used_units=used,
                step=step,
                wish=GrantWish(requested_units=10) if step is Step.NEXT_GRANT else None,
                **self.call(),
            )
        )

    async def state(self) -> AccountState:
        """The account as stored."""
        found = await self.ledger.snapshot("main", "a1")
        assert not isinstance(found, Answer)
        return found[0]
