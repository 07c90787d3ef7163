"""Commands that belong together: whole sessions, and crowds that reach a bound."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ocs.domain.answer import Answer, Outcome
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import (
    Basis,
    Commit,
    Debit,
    DeleteSpendingCap,
    Expire,
    GrantWish,
    Reserve,
    SetSpendingCap,
    TopUp,
)
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.units import Unit
from ocs.limits import BUCKETS_MAX, CAPS_PER_HOLDER_MAX, EXPIRIES_PER_CALL_MAX, QUANTITY_MAX
from ocs.store import keys
from tests.model.pair import TENANT
from tests.model.passage import Passage
from tests.model.pools import EXACTLY, SERVICES, accounts, modest_wishes, services, windowed, zones

# A report of use: how much, what happens to the rest, the next wish, and how long it took.
reports = st.tuples(
    st.one_of(st.integers(0, 40), st.integers(0, 400), st.just(EXACTLY)),
    st.sampled_from([Step.KEEP, Step.NEXT_GRANT, Step.NEXT_GRANT, Step.CLOSE]),
    modest_wishes,
    st.sampled_from([0, 0, 0, 1_000, 45_000, 700_000]),
)
# How far a session's next number is from the last: in order, a gap, the same, an older one.
strides = st.sampled_from([1, 1, 1, 1, 2, 0, -1])


class Sessions(Passage):
    """Drives reservations from the first grant on, and fills what has a bound."""

    @rule(
        account=accounts,
        line=st.integers(0, 3),
        service=services,
        zone=zones,
        wish=modest_wishes,
        reported=st.lists(reports, min_size=1, max_size=4),
        numbered=st.booleans(),
        stride=strides,
    )
    def session(
        self,
        *,
        account: str,
        line: int,
        service: str,
        zone: int,
        wish: GrantWish,
        reported: list[tuple[int, Step, GrantWish, int]],
        numbered: bool,
        stride: int,
    ) -> None:
        """Reserve, then report use until the session is closed, refused or left open."""
        name = f"n{self.request_count}"
        session, number = name, 10
        line_id = self._line(account, line)
        answer = self._open(account, (name, session, -1), line_id, (service, zone), wish)
        for quantity, step, next_wish, pause_ms in reported:
            if answer.outcome is not Outcome.GRANTED and answer.outcome is not Outcome.CHARGED:
                break
            self.pair.advance(pause_ms)
            number += stride
            name = answer.reservation_id or name
            report = (quantity, step, next_wish)
            answer = self._report(account, name, report, number if numbered else -1)
            if answer.outcome is Outcome.GRANTED:
                self._opened(account, answer.reservation_id)
        if numbered:
            later = (f"{session}y", session, number + stride)
            self._open(account, later, line_id, (service, zone), wish)

    def _line(self, account: str, pick: int) -> str:
        """One of the account's lines, or none."""
        lines = sorted(self.pair.spec.accounts[(TENANT, account)].subscribers)
        return lines[pick - 1] if 0 < pick <= len(lines) else ""

    def _open(
        self,
        account: str,
        named: tuple[str, str, int],
        line: str,
        service: tuple[str, int],
        wish: GrantWish,
    ) -> Answer:
        name, session, number = named
        priced = SERVICES[service[0]]
        answer = self._run(
            Reserve(
                profile=self._profile(account, line),
                service_id=service[0],
                terms=priced[service[1] % len(priced)],
                refusal=None,
                wish=wish,
                reservation_id=name,
                session_id=session,
                sequence_number=number,
                **self._call(account, ago=0),
            )
        )
        if answer.outcome is Outcome.GRANTED:
            self._opened(account, name)
        return answer

    def _report(
        self, account: str, name: str, report: tuple[int, Step, GrantWish], number: int
    ) -> Answer:
        quantity, step, wish = report
        facts, profile = self._facts(account, name)
        hold = self.pair.spec.accounts[(TENANT, account)].holds.get(name)
        if quantity == EXACTLY:
            quantity = hold.granted_units if hold is not None else 1
        return self._run(
            Commit(
                profile=profile,
                reservation=facts,
                reservation_id=name,
                used_units=quantity,
                step=step,
                wish=wish if step is Step.NEXT_GRANT else None,
                next_reservation_id=f"{name}x",
                sequence_number=number,
                **self._call(account, ago=0),
            )
        )

    @rule(
        kind=st.sampled_from(["account", "subscriber", "group"]),
        period=st.sampled_from([Period.DAY, Period.ROLLING, Period.LIFETIME]),
        anew=st.sampled_from([None, Period.DAY, Period.ROLLING]),
        step=st.sampled_from([Step.KEEP, Step.CLOSE, Step.NEXT_GRANT]),
    )
    def lose_cap(self, *, kind: str, period: Period, anew: Period | None, step: Step) -> None:
        """Hold in a cap, delete it, perhaps set another under its id, and settle."""
        lines = self.pair.spec.accounts[(TENANT, "a1")].subscribers
        line = next((line for line in sorted(lines) if "g1" in lines[line]), "")
        if not line:
            return
        holder = {"account": "account", "group": "group/g1"}.get(kind, f"subscriber/{line}")
        cap = windowed(SpendingCap(holder, "c6", Unit.MICROS, QUANTITY_MAX, period))
        self._run(SetSpendingCap(cap=cap, **self._call("a1", ago=0)))
        name = f"d{self.request_count}"
        wish = GrantWish(requested_units=5, validity_ms=30_000)
        self._open("a1", (name, name, -1), line, ("work", 0), wish)
        delete = {"holder": holder, "cap_id": "c6", **self._call("a1", ago=0)}
        self._run(DeleteSpendingCap(**delete))
        if anew is not None:
            cap = windowed(SpendingCap(holder, "c6", Unit.COUNT, 100, anew))
            self._run(SetSpendingCap(cap=cap, **self._call("a1", ago=0)))
        self._report("a1", name, (3, step, wish), -1)

    @rule(
        kind=st.sampled_from(["account", "subscriber", "group", "group"]),
        period=st.sampled_from([Period.DAY, Period.ROLLING, Period.ROLLING]),
        unit=st.sampled_from([Unit.MICROS, Unit.COUNT]),
        limit=st.integers(20, 150),
        units=st.lists(st.integers(10, 80), min_size=2, max_size=4),
        pause=st.sampled_from([0, 1, 30_000, 60_000, 90_000]),
    )
    def fill_cap(
        self, *, kind: str, period: Period, unit: Unit, limit: int, units: list[int], pause: int
    ) -> None:
        """Hold under a tight cap until it cuts or refuses, from slot to slot of its window."""
        lines = self.pair.spec.accounts[(TENANT, "a1")].subscribers
        line = next((line for line in sorted(lines) if "g1" in lines[line]), "")
        if not line:
            return
        holder = {"account": "account", "group": "group/g1"}.get(kind, f"subscriber/{line}")
        cap_id = f"t-{unit.value}-{period.value}"
        cap = windowed(SpendingCap(holder, cap_id, unit, limit, period))
        self._run(SetSpendingCap(cap=cap, **self._call("a1", ago=0)))
        for number, requested in enumerate(units):
            name = f"d{self.request_count}"
            wish = GrantWish(requested_units=requested, validity_ms=300_000)
            self._open("a1", (name, name, -1), line, ("work", 0), wish)
            if number % 2:
                self._report("a1", name, (requested // 2, Step.KEEP, wish), -1)
            self.advance(delta=pause)
        # Out of the way of what comes after.
        self._run(DeleteSpendingCap(holder=holder, cap_id=cap_id, **self._call("a1", ago=0)))

    # What has a bound.

    @precondition(lambda self: not self.crowded)
    @rule(
        kind=st.sampled_from(["holds", "holds", "caps", "buckets", "unknown"]),
        line=st.integers(0, 2),
        extra=st.sampled_from([0, 1, 2]),
        pause=st.sampled_from([0, 119_960, 119_999, 120_000]),
    )
    def crowd(self, *, kind: str, line: int, extra: int, pause: int) -> None:
        """Once an example: reach a bound, and stand on it or just beyond."""
        self.crowded = True
        if kind == "holds":
            wish = GrantWish(requested_units=1, validity_ms=60_000)
            for number in range(EXPIRIES_PER_CALL_MAX + extra):
                self.pair.advance(1)  # each deadline is another
                name = f"h{number}"
                self._open("a2", (name, name, -1), self._line("a2", line), ("free", 1), wish)
            self.pair.advance(pause)
            self.pair.run(Expire(tenant=TENANT, account_id="a2"))
        elif kind == "caps":
            holder = f"subscriber/s{line}" if line else "account"
            for number in range(CAPS_PER_HOLDER_MAX - 1 + extra):
                cap = SpendingCap(holder, f"k{number}", Unit.MICROS, 900, Period.DAY)
                self._run(SetSpendingCap(cap=cap, **self._call("a1", ago=0)))
        elif kind == "buckets":
            for number in range(BUCKETS_MAX - 2 + extra):
                self._credit_small(f"k{number % 40}", 1 + number % 3)
        else:
            self._ask_of_nobody()

    def _credit_small(self, bucket: str, priority: int) -> None:
        terms = BucketTerms(Unit.COUNT, priority)
        call = self._call("a2", ago=0)
        self._run(
            TopUp(
                payment_reference=call["request_id"],
                bucket_id=bucket,
                terms=terms,
                quantity=1,
                unit=Unit.COUNT,
                **call,
            )
        )

    def _ask_of_nobody(self) -> None:
        index = keys.due_key(keys.partition_of(TENANT, "a9"))
        self.lua.client.zadd(index, {f"{TENANT}/a9": 1})
        self.pair.run(Expire(tenant=TENANT, account_id="a9"))
        assert self.lua.client.zscore(index, f"{TENANT}/a9") is None
        self._run(
            Debit(
                profile=self._profile("a9", ""),
                service_id="sms",
                terms=SERVICES["sms"][0],
                refusal=None,
                basis=Basis.USED,
                used_units=1,
                session_id="",
                sequence_number=-1,
                **self._call("a9", ago=0),
            )
        )
