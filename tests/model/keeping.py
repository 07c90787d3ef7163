"""Commands that keep accounts: their status and what was agreed of them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ocs.domain.bucket import BucketTerms
from ocs.domain.charging_event import ChargingEvent, EventKind
from ocs.domain.commands import (
    AddSubscriber,
    AdjustBucket,
    Basis,
    CreateAccount,
    Debit,
    DeleteSpendingCap,
    GrantWish,
    Refund,
    Reserve,
    ReverseTopUp,
    SetAccountStatus,
    SetSpendingCap,
    TopUp,
    UpdateAccount,
    WithdrawBalance,
)
from ocs.domain.decide.refund import collected_by
from ocs.domain.periods import Period
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus, AccountTerms
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from tests.model.actor import Actor
from tests.model.pair import TENANT
from tests.model.pools import SERVICES, accounts, windowed


class Keeping(Actor):
    """Suspends, resumes, closes and updates."""

    @rule(account=accounts, number=st.integers(0, 9))
    def set_status(self, account: str, number: int) -> None:
        """Suspend rarely, and not for long; what still holds cannot be closed."""
        state = self.pair.spec.accounts[(TENANT, account)]
        if state.status is AccountStatus.SUSPENDED and number < 7:
            self._set_status(account, AccountStatus.ACTIVE)
        elif number < 2:
            self._set_status(account, AccountStatus.SUSPENDED)
        elif number == 2 and (state.holds or any(b.balance for b in state.buckets.values())):
            self._run(SetAccountStatus(status=AccountStatus.CLOSED, **self._call(account, ago=0)))
        elif number == 3:
            self._set_status(account, AccountStatus.ACTIVE)

    def _set_status(self, account: str, status: AccountStatus) -> None:
        self._run(SetAccountStatus(status=status, **self._call(account)))

    @rule(
        account=accounts,
        plan=st.sampled_from(["", "", "plan", "other"]),
        segment=st.sampled_from(["", "", "gold", "silver"]),
        credit_limit=st.sampled_from([-1, -1, 0, 1, 499, 500, QUANTITY_MAX]),
        to_the_bound=st.sampled_from([0] * 6 + [1, 2]),
        etag=st.sampled_from(["", "", "now", "old"]),
    )
    def update(
        self,
        *,
        account: str,
        plan: str,
        segment: str,
        credit_limit: int,
        to_the_bound: int,
        etag: str,
    ) -> None:
        state = self.pair.spec.accounts[(TENANT, account)]
        if to_the_bound:
            credit_limit = QUANTITY_MAX - state.buckets["main"].credited + to_the_bound - 1
        if etag:
            etag = str(state.profile_version - (etag == "old"))
        self._run(
            UpdateAccount(
                plan=plan,
                segment=segment,
                credit_limit=credit_limit,
                etag=etag,
                **self._call(account),
            )
        )

    @rule(
        account=accounts,
        bucket=st.sampled_from(["main", "main", "b1", "b2", "b3"]),
        quantity=st.one_of(st.integers(1, 300), st.sampled_from([0, 0, 1, 2**52])),
        other_unit=st.sampled_from([False] * 6 + [True]),
        kind=st.sampled_from(["withdraw", "take off", "add"]),
    )
    def correct(
        self, *, account: str, bucket: str, quantity: int, other_unit: bool, kind: str
    ) -> None:
        """Correct a balance; 0 is just as much as there is, or as may be added."""
        state = self.pair.spec.accounts[(TENANT, account)]
        found = state.buckets.get(bucket)
        unit = found.terms.unit if found is not None else Unit.MICROS
        if other_unit:
            unit = Unit.SECONDS if unit is not Unit.SECONDS else Unit.COUNT
        if found is not None and quantity < 2:
            limit = state.terms.credit_limit if bucket == "main" else 0
            room = {
                "withdraw": found.balance - found.reserved,
                "take off": found.available(limit),
                "add": QUANTITY_MAX - found.credited - limit,
            }[kind]
            quantity = max(1, min(QUANTITY_MAX, room + quantity))
        call = {"bucket_id": bucket, "unit": unit, **self._call(account)}
        if kind == "withdraw":
            self._run(WithdrawBalance(quantity=quantity, **call))
        else:
            self._run(AdjustBucket(quantity=quantity if kind == "add" else -quantity, **call))

    @rule(
        account=accounts,
        pick=st.integers(0, 15),
        which=st.sampled_from(["any", "held", "held by a line", "held by a line", "none"]),
        anew=st.sampled_from([None, None, *Period]),
    )
    def delete_cap(self, *, account: str, pick: int, which: str, anew: Period | None) -> None:
        """Remove a cap, rather one that something is held in; sometimes set it anew at once."""
        state = self.pair.spec.accounts[(TENANT, account)]
        held = [line for hold in state.holds.values() for line in hold.cap_lines]
        keys = sorted(state.caps)
        if which.startswith("held"):
            keys = sorted({(line.holder, line.cap_id) for line in held})
        if which == "held by a line":
            keys = [key for key in keys if key[0] != "account"]
        if which == "none" or not keys:
            keys = [("account", "c9"), ("subscriber/s1", "c9"), ("subscriber/s9", "c1")]
        key = keys[pick % len(keys)]
        call = self._call(account, ago=0)
        self._run(DeleteSpendingCap(holder=key[0], cap_id=key[1], **call))
        if anew is not None:
            cap = windowed(SpendingCap(*key, Unit.OCTETS if pick % 2 else Unit.MICROS, 700, anew))
            self._run(SetSpendingCap(cap=cap, **self._call(account, ago=0)))

    @rule(account=accounts, payment=st.integers(0, 39), partial=st.booleans())
    def reverse(self, *, account: str, payment: int, partial: bool) -> None:
        """Take a credit back, most often one that was made."""
        made = sorted(self.pair.spec.accounts[(TENANT, account)].credits)
        reference = made[payment % len(made)] if made and payment < 35 else f"p{payment}"
        self._run(
            ReverseTopUp(payment_reference=reference, allow_partial=partial, **self._call(account))
        )

    @precondition(lambda self: self.charged)
    @rule(
        pick=st.integers(0, 40),
        part=st.sampled_from([0, 0, 0, 1, 50, -1, 2**52]),
        named=st.sampled_from(["", "", "", "main", "b1", "b2", "b9"]),
        lost=st.sampled_from([False] * 9 + [True]),
    )
    def refund(self, *, pick: int, part: int, named: str, lost: bool) -> None:
        """Refund a charge of late: all of it, a part, or (-1) one too many of its first line."""
        event = self.charged[-1 - pick % len(self.charged)]
        collected = collected_by(event)
        shares: tuple[tuple[str, int], ...] = ()
        if part and collected.paid:
            name, quantity, _ = collected.paid[pick % len(collected.paid)]
            shares = ((name, part if part > 0 else quantity + 1),)
        elif part:
            shares = (("main", 1),)
        self._run(
            Refund(
                seq=event.seq,
                position="" if lost else self.position_of(event),
                line=self.line_of(event),
                collected=collected,
                shares=shares,
                bucket_id=named,
                **self._call(event.account_id),
            )
        )

    @rule()
    def let_go(self) -> None:
        """The journal is archived and trimmed."""
        self.lua.let_go()

    @rule(money=st.integers(1, 50), beyond=st.sampled_from([-1, 0, 1]))
    def refund_of_what_is_gone(self, *, money: int, beyond: int) -> None:
        """Refund what a bucket paid that has ended, to a `main` that is full but for about that."""
        ends = BucketTerms(Unit.MICROS, 1, expire_ms=self.pair.now_ms + 30_000)
        credit = {"terms": ends, "quantity": money, "unit": Unit.MICROS, **self._call("a1", ago=0)}
        self._run(TopUp(payment_reference=f"g{self.request_count}", bucket_id="gone", **credit))
        self._run(
            Debit(
                profile=self._profile("a1", ""),
                service_id="work",
                terms=SERVICES["work"][0],
                refusal=None,
                basis=Basis.USED,
                used_units=money,
                **self._call("a1", ago=0),
            )
        )
        event = self.pair.spec.journal[-1]
        if (event.account_id, event.kind) != ("a1", EventKind.DEBIT):
            return  # its account's time stands still
        self.pair.advance(30_000)
        state = self.pair.spec.accounts[(TENANT, "a1")]
        room = QUANTITY_MAX - state.buckets["main"].credited - state.terms.credit_limit
        added = room - money + beyond
        if added > 0:
            call = {"bucket_id": "main", "unit": Unit.MICROS, **self._call("a1", ago=0)}
            self._run(AdjustBucket(quantity=added, **call))
        self._run(
            Refund(
                seq=event.seq,
                position=self.position_of(event),
                line=self.line_of(event),
                collected=collected_by(event),
                **self._call("a1", ago=0),
            )
        )
        if added > 0:
            call = {"bucket_id": "main", "unit": Unit.MICROS, **self._call("a1", ago=0)}
            self._run(AdjustBucket(quantity=-added, **call))

    def position_of(self, event: ChargingEvent) -> str:
        """Return where an event is in the journal."""
        return self.lua.positions[(event.account_id, event.seq)]

    def line_of(self, event: ChargingEvent) -> str:
        """Return what the journal says of an event."""
        return self.lua.lines[(event.account_id, event.seq)]

    @property
    def charged(self) -> list[ChargingEvent]:
        """Return what may be refunded, and some events that may not."""
        journal = self.pair.spec.journal[-400:]
        return [event for event in journal if event.payments or event.seq % 16 == 1]

    @rule(number=st.integers(0, 7))
    def ask_what_is_closed(self, number: int) -> None:
        """Close an account of its own, then ask it everything: it takes use, and nothing else."""
        self._create("a4", 0, "UTC", 1)
        if number % 2:
            self._run(SetAccountStatus(status=AccountStatus.CLOSED, **self._call("a4", ago=0)))
        self._create("a4", 0, "UTC", 1)
        profile, wish = self._profile("a4", ""), GrantWish(requested_units=1)
        terms = SERVICES["sms"][0]
        common: dict[str, Any] = {
            "profile": profile,
            "service_id": "sms",
            "terms": terms,
            "refusal": None,
        }
        match number:
            case 0 | 1:
                self._run(
                    Reserve(
                        wish=wish,
                        reservation_id=f"c{self.request_count}",
                        session_id="c",
                        **common,
                        **self._call("a4"),
                    )
                )
            case 2 | 3:
                for basis in Basis:
                    self._run(Debit(basis=basis, used_units=1, **common, **self._call("a4")))
            case 4 | 5:
                call = self._call("a4")
                self._run(
                    TopUp(
                        payment_reference=call["request_id"],
                        bucket_id="main",
                        terms=None,
                        quantity=100,
                        unit=Unit.MICROS,
                        **call,
                    )
                )
                cap = SpendingCap("account", "c1", Unit.MICROS, 500, Period.DAY)
                self._run(SetSpendingCap(cap=cap, **self._call("a4")))
                gone = {"holder": "account", "cap_id": "c1", **self._call("a4")}
                self._run(DeleteSpendingCap(**gone))
            case _:
                line = f"s{self.request_count}"
                self._run(
                    AddSubscriber(
                        subscriber_id=line, identities=(), group_ids=(), **self._call("a4")
                    )
                )
                self._run(UpdateAccount(plan="other", **self._call("a4")))
                self._set_status("a4", AccountStatus.ACTIVE)

    def _create(self, account: str, limit: int, zone: str, anchor: int) -> None:
        terms = AccountTerms("EUR", zone, anchor, "plan", "gold", limit)
        self._run(CreateAccount(terms=terms, **self._call(account)))
