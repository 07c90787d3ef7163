"""What the random commands share: two sides in step, and what is known of them."""

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine

from ocs.domain.answer import Answer, Reason
from ocs.domain.commands import Mutation
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.state import AccountTerms
from tests.model.pair import TENANT, Pair
from tests.model.valkey_side import ValkeySide


class Actor(RuleBasedStateMachine):
    """Sends commands to both sides."""

    lua: ClassVar[ValkeySide]
    count_steps: ClassVar[Callable[[int], None] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(self.lua)
        self.request_count = 0
        self.opened: list[tuple[str, str]] = []
        self.crowded = False

    def teardown(self) -> None:
        """Report how far this example went."""
        report = type(self).count_steps
        if report is not None:
            report(self.pair.step_count)

    def _opened(self, account: str, reservation: str) -> None:
        if (account, reservation) not in self.opened:
            self.opened.append((account, reservation))

    def _pick(self, pick: int) -> tuple[str, str]:
        """Pick one of the last reservations, most often one that still holds; 7: an unknown one."""
        holding = [
            (account, reservation)
            for account, reservation in self.opened
            if reservation in self.pair.spec.accounts[(TENANT, account)].holds
        ]
        pool = holding if holding and pick < 5 else self.opened
        if not pool or pick == 7:
            return "a1", "r9"
        return pool[-1 - pick % len(pool)]

    def _run(self, command: Mutation) -> Answer:
        answer = self.pair.run(command)
        while answer.reason is Reason.EXPIRE_MORE:
            answer = self.pair.run(command)
        return answer

    def _call(self, account: str, ago: int | None = None) -> dict[str, Any]:
        self.request_count += 1
        request_id = f"q{self.request_count}"
        if ago is None:
            # Some were first sent a while ago, a few too long ago, a few in the future.
            ago = {7: 600_000, 13: 900_000, 19: 4_000_000, 23: -60_000, 29: -60_001}.get(
                self.request_count % 31, 0
            )
        return {
            "tenant": TENANT,
            "account_id": account,
            "request_id": request_id,
            "fingerprint": f"f{self.request_count}",
            "request_time_ms": self.pair.now_ms - ago,
            "window_ms": (900_000, 3_600_000, 172_800_000)[self.request_count % 3],
            "context": b"context",
        }

    def _profile(self, account: str, subscriber: str) -> Profile:
        found = self.pair.spec.read_profile(TENANT, account, subscriber)
        if isinstance(found, Profile):
            return found
        terms = AccountTerms("EUR", "UTC", 1, "plan", "gold", 0)
        state = self.pair.spec.accounts.get((TENANT, account))
        version = state.profile_version if state is not None else 1
        return Profile(TENANT, account, version, terms, subscriber, (), ())

    def _look_again(self, command: Mutation) -> None:
        """Build a resend on what is known by now, unless the script will say that it is stale."""
        profile = getattr(command, "profile", None)
        if isinstance(profile, Profile):
            current = self._profile(command.account_id, profile.subscriber_id)
            if current.version == profile.version:
                command.profile = current  # type: ignore[union-attr]  # it has one

    def _facts(
        self, account: str, reservation: str
    ) -> tuple[ReservationFacts | None, Profile | None]:
        state = self.pair.spec.accounts.get((TENANT, account))
        found = state.reservations.get(reservation) if state is not None else None
        if found is None:
            return None, None
        facts = ReservationFacts.of(found)
        # As the service does: late use of a line that is gone is the account's alone.
        assert state is not None
        line = found.subscriber_id if found.subscriber_id in state.subscribers else ""
        return facts, self._profile(account, line)
