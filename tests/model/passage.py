"""What happens by itself: time passes, callers send again."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ocs.limits import REFUSALS_MAX, REFUSALS_WINDOW_MS
from ocs.store import keys
from tests.model.actor import Actor
from tests.model.pair import TENANT
from tests.model.pools import accounts


class Passage(Actor):
    """Moves the clock, back too, and repeats what was sent."""

    @rule(
        delta=st.sampled_from(
            [
                1,
                999,
                5_000,
                60_000,
                119_999,
                180_000,
                1_200_000,
                3_600_000,
                7_200_000,
                86_400_000,
                -3_600_000,
            ]
        )
    )
    def advance(self, delta: int) -> None:
        self.pair.advance(delta)

    @rule(pick=st.integers(0, 50), delta=st.sampled_from([-1, 0, 1]))
    def advance_to_boundary(self, pick: int, delta: int) -> None:
        """Move to where something ends: a hold, a bucket, a memory, a session, a record."""
        hour, minute = 3_600_000, 60_000
        times = sorted(
            {
                (self.pair.now_ms // hour + 1) * hour,  # periods of caps begin
                (self.pair.now_ms // minute + 1) * minute,  # slots, too
            }
            | {
                cap.window.leaves_ms(start)
                for state in self.pair.spec.accounts.values()
                for holder, cap_id, start in state.slots
                if (cap := state.caps[(holder, cap_id)]).window is not None
                and cap.window.leaves_ms(start) > self.pair.now_ms
            }
            | {
                time
                for state in self.pair.spec.accounts.values()
                for time in (
                    *(hold.expire_ms for hold in state.holds.values()),
                    *(bucket.terms.expire_ms for bucket in state.buckets.values()),
                    *(bucket.terms.start_ms for bucket in state.buckets.values()),
                    *(found.forget_ms for found in state.reservations.values()),
                    *(session.expire_ms for session in state.sessions.values()),
                    *(record.expire_ms for record in state.records.values()),
                    *(renewal.due_ms for renewal in state.renewals.values()),
                    state.refusals[0] + REFUSALS_WINDOW_MS,
                )
                if time > self.pair.now_ms
            }
        )
        if times:
            self.pair.advance(times[pick % len(times)] + delta - self.pair.now_ms)

    @rule(account=accounts, room=st.sampled_from([None] * 6 + [0, 1, 2]))
    def many_refusals_came_before(self, *, account: str, room: int | None) -> None:
        """As if a caller had been wrong all the time; each of them would take too long here."""
        if room is not None:
            state = self.pair.spec.accounts[(TENANT, account)]
            since_ms, count = max(self.pair.now_ms, state.floor_ms), REFUSALS_MAX - room
            state.refusals = (since_ms, count)
            key = keys.account_key(TENANT, account)
            self.pair.lua.client.hset(key, "refusals", f"{since_ms} {count}")

    @precondition(lambda self: self.pair.sent)
    @rule(back=st.integers(1, 6), other_meaning=st.sampled_from([False, False, True]))
    def resend(self, back: int, other_meaning: bool) -> None:
        command = self.pair.sent[-min(back, len(self.pair.sent))]
        if other_meaning:
            command.fingerprint += "x"
        self._look_again(command)
        self._run(command)
