"""The Ledger port over the executable specification; for tests and for the model."""

from collections.abc import Callable

from ocs.domain.answer import Answer, Reason
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import Command, Expire, Mutation
from ocs.domain.decide import decide
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.spending_cap import ACCOUNT_HOLDER, group_holder, subscriber_holder
from ocs.domain.state import AccountState, RequestRecord
from ocs.domain.view import ReservationView, reservation_as_of
from ocs.limits import EXPIRE_ROUNDS_MAX
from ocs.ports import AccountSummary


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
            tenant,
            account_id,
            state.profile_version,
            state.terms,
            subscriber_id,
            groups,
            caps,
            state.identities.get(subscriber_id, ()),
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
        return ReservationFacts.of(found)

    async def snapshot(
        self,
        tenant: str,
        account_id: str,
        group_id: str = "",  # noqa: ARG002 - all groups are at hand
    ) -> tuple[AccountState, int] | Answer:
        """Read an account and the clock."""
        state = self.accounts.get((tenant, account_id))
        if state is None:
            return Answer(0, self._now_ms(), reason=Reason.ACCOUNT_NOT_FOUND)
        return state.clone(), max(self._now_ms(), state.floor_ms)

    # As a Reader.

    async def reservation(
        self, tenant: str, account_id: str, reservation_id: str
    ) -> tuple[ReservationView, int] | Answer:
        """Read a reservation."""
        state = self.accounts.get((tenant, account_id))
        if state is None:
            return Answer(0, self._now_ms(), reason=Reason.ACCOUNT_NOT_FOUND)
        now_ms = max(self._now_ms(), state.floor_ms)
        found = state.reservations.get(reservation_id)
        hold = state.holds.get(reservation_id)
        view = reservation_as_of(found, hold, now_ms) if found is not None else None
        if view is None:
            return Answer(state.seq, now_ms, reason=Reason.RESERVATION_NOT_FOUND)
        return view, now_ms

    async def open_reservations(
        self, tenant: str, account_id: str, after: str, count: int
    ) -> tuple[list[ReservationView], int] | Answer:
        """Read open reservations."""
        state = self.accounts.get((tenant, account_id))
        if state is None:
            return Answer(0, self._now_ms(), reason=Reason.ACCOUNT_NOT_FOUND)
        now_ms = max(self._now_ms(), state.floor_ms)
        live = (name for name, hold in state.holds.items() if hold.expire_ms > now_ms)
        names = sorted(name for name in live if name > after)[:count]
        return [ReservationView(state.reservations[n], state.holds[n]) for n in names], now_ms

    async def request(
        self, tenant: str, account_id: str, request_id: str
    ) -> RequestRecord | Answer:
        """Read a request's record."""
        state = self.accounts.get((tenant, account_id))
        if state is None:
            return Answer(0, self._now_ms(), reason=Reason.ACCOUNT_NOT_FOUND)
        now_ms = max(self._now_ms(), state.floor_ms)
        found = state.records.get(request_id)
        if found is None or found.expire_ms <= now_ms:
            return Answer(state.seq, now_ms, reason=Reason.REQUEST_NOT_FOUND)
        return found

    async def list_accounts(
        self, tenant: str, after: tuple[int, str], count: int
    ) -> tuple[list[AccountSummary], tuple[int, str]] | Answer:
        """Read accounts, as if all were in one partition."""
        behind = after[1]
        states = sorted(
            (state for (owner, _), state in self.accounts.items() if owner == tenant),
            key=lambda state: state.account_id,
        )
        states = [state for state in states if state.account_id > behind]
        page = [
            AccountSummary(state.account_id, state.status, state.terms, state.create_ms)
            for state in states[:count]
        ]
        more = len(states) > count
        return page, (0, page[-1].account_id) if more else (-1, "")
