"""The Ledger port over the executable specification; for tests and for the model."""

from collections.abc import Callable

from ocs.domain.answer import Answer, Reason
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import Command, Expire, Mutation, Profile, ReservationFacts
from ocs.domain.decide import decide
from ocs.domain.spending_cap import ACCOUNT_HOLDER, group_holder, subscriber_holder
from ocs.domain.state import AccountState
from ocs.limits import EXPIRE_ROUNDS_MAX


class MemoryLedger:
    """Accounts in memory, decided by `ocs.domain.decide`. now_ms: the clock, in milliseconds."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.accounts: dict[tuple[str, str], AccountState] = {}
        self.journal: list[ChargingEvent] = []

    def decide(self, command: Command) -> Answer:
        """Decide one command once; rounds of expiry are the caller's."""
        at = (command.tenant, command.account_id)
        state, answer, events = decide(self.accounts.get(at), command, self._now_ms())
        if state is not None:
            self.accounts[at] = state
        self.journal += events
        return answer

    async def execute(self, command: Mutation) -> Answer:
        """Run a mutation; rounds of expiry included."""
        answer = self.decide(command)
        for _ in range(EXPIRE_ROUNDS_MAX):
            if answer.reason is not Reason.EXPIRE_MORE:
                break
            answer = self.decide(command)
        return answer

    async def expire(self, command: Expire) -> Answer:
        """Expire what is due, round by round; expired_count sums up."""
        expired = 0
        answer = self.decide(command)
        while answer.reason is Reason.EXPIRE_MORE:
            expired += answer.expired_count
            answer = self.decide(command)
        answer.expired_count += expired
        return answer

    async def profile(
        self, tenant: str, account_id: str, subscriber_id: str, *, fresh: bool = False
    ) -> Profile | Answer:
        """Read what a charge needs to know; always current here, so `fresh` changes nothing."""
        del fresh
        return self.read_profile(tenant, account_id, subscriber_id)

    def read_profile(self, tenant: str, account_id: str, subscriber_id: str) -> Profile | Answer:
        """Read a profile without waiting."""
        state = self.accounts.get((tenant, account_id))
        if state is None:
            return Answer(0, self._now_ms(), reason=Reason.ACCOUNT_NOT_FOUND)
        if subscriber_id and subscriber_id not in state.subscribers:
            return Answer(state.seq, self._now_ms(), reason=Reason.SUBSCRIBER_NOT_FOUND)
        groups = state.subscribers.get(subscriber_id, ())
        holders = [ACCOUNT_HOLDER]
        if subscriber_id:
            holders += [subscriber_holder(subscriber_id), *map(group_holder, groups)]
        caps = tuple(cap for cap in state.caps.values() if cap.holder in holders)
        return Profile(
            tenant, account_id, state.profile_version, state.terms, subscriber_id, groups, caps
        )

    async def reservation_facts(
        self, tenant: str, account_id: str, reservation_id: str, *, fresh: bool = False
    ) -> ReservationFacts | None:
        """Read the facts of a reservation; always current here, so `fresh` changes nothing."""
        del fresh
        state = self.accounts.get((tenant, account_id))
        found = state.reservations.get(reservation_id) if state is not None else None
        if found is None:
            return None
        terms = found.terms
        return ReservationFacts(
            terms.service_id, terms.unit, terms.zone, found.session_id, found.subscriber_id
        )

    async def snapshot(self, tenant: str, account_id: str) -> tuple[AccountState, int] | Answer:
        """Read an account and the clock."""
        state = self.accounts.get((tenant, account_id))
        if state is None:
            return Answer(0, self._now_ms(), reason=Reason.ACCOUNT_NOT_FOUND)
        return state.clone(), max(self._now_ms(), state.floor_ms)
