"""Bundles that are bought, renewed and cancelled, and marks on balances."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ocs.domain.answer import Outcome, Reason
from ocs.domain.bundle import Bundle, BundleContent
from ocs.domain.commands import (
    AdjustBucket,
    Basis,
    CancelBundleRenewal,
    Debit,
    Expire,
    GrantWish,
    PurchaseBundle,
    RenewBundle,
    Reserve,
    SetAccountStatus,
    SetBucketThreshold,
    TopUp,
    WithdrawBalance,
)
from ocs.domain.periods import Period, period_bounds
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from tests.model.actor import Actor
from tests.model.pair import TENANT
from tests.model.pools import SERVICES, accounts

_DATA = BundleContent(Unit.OCTETS, 120, 7, ("data",), (), 60, 40)
_GIFT = BundleContent(Unit.OCTETS, QUANTITY_MAX, 1, roll_over=QUANTITY_MAX)
_MANY = tuple(BundleContent(Unit.COUNT, number, number) for number in range(1, 9))
# One period that ends soon, one that is a month, one that is free, and one of many buckets.
BUNDLES = {
    "b-short": Bundle("b-short", 130, 60_000, (_DATA,), 3, frozenset(), "v1"),
    "b-month": Bundle(
        "b-month",
        700,
        0,
        (
            _DATA,
            BundleContent(Unit.SECONDS, 200, 3, (), ("abroad",), 500),
            BundleContent(Unit.COUNT, 9, 3, threshold=0),
        ),
        1000,
        frozenset(),
        "v1",
    ),
    "b-gift": Bundle("b-gift", 0, 1_000, (_GIFT,), 1, frozenset(), "v1"),
    "b-many": Bundle("b-many", 10, 7_200_000, _MANY, 2, frozenset(), "v1"),
    "b-dear": Bundle("b-dear", QUANTITY_MAX, 60_000, (_DATA,), 2, frozenset(), "v1"),
}
# What became of the first one since it was sold: other contents, which nothing rolls over to.
_OTHER = BundleContent(Unit.SECONDS, 50, 7, roll_over=9)
CHANGED = Bundle("b-short", 90, 60_000, (_OTHER,), 1, frozenset(), "v1")

LIFE = (
    *("renew",) * 6, "renew changed", "renew gone", "end", "end", "end", "drain", "drain", "pay",
    "cancel", "use", "use", "starve", "hold", "buy", "mark",
)  # fmt: skip

bundles = st.sampled_from(["b-short", "b-short", "b-short", "b-month", "b-month", *BUNDLES])


class Bundles(Actor):
    """Buys, renews, cancels, marks."""

    def _month_ends(self, account: str) -> tuple[int, int]:
        state = self.pair.spec.accounts[(TENANT, account)]
        bounds = period_bounds(
            Period.MONTH,
            time_zone=state.terms.time_zone,
            anchor_day=state.terms.anchor_day,
            now_ms=max(self.pair.now_ms, state.floor_ms),
        )
        return bounds.end_ms, bounds.next_end_ms

    @rule(
        account=accounts,
        name=bundles,
        renew=st.sampled_from([True, True, False]),
        refusal=st.sampled_from(
            [None] * 9
            + [Outcome.SERVICE_DENIED, Reason.BUNDLE_NOT_FOUND, Reason.RENEWAL_NOT_OFFERED]
        ),
        late=st.sampled_from([None] * 8 + [0, 1]),
    )
    def purchase(
        self,
        *,
        account: str,
        name: str,
        renew: bool,
        refusal: Outcome | Reason | None,
        late: int | None,
    ) -> None:
        """Buy one; sometimes by a server that knows only months that are just over, or almost."""
        month_ends = self._month_ends(account)
        if late is not None:
            state = self.pair.spec.accounts[(TENANT, account)]
            month_ends = (1, max(self.pair.now_ms, state.floor_ms) + late)
        self._run(
            PurchaseBundle(
                profile=self._profile(account, ""),
                bundle_id=name,
                bundle=BUNDLES[name] if refusal is None else None,
                refusal=refusal,
                month_ends=month_ends,
                renew=renew,
                **self._call(account),
            )
        )

    @rule(
        account=accounts,
        pick=st.integers(0, 7),
        book=st.sampled_from(["same", "same", "same", "same", "changed", "gone", "not for sale"]),
        wrong=st.sampled_from([0, 0, 0, 0, 0, 0, 1]),
    )
    def renew(self, *, account: str, pick: int, book: str, wrong: int) -> None:
        """Renew what is due, most often when it is; expiry names just that."""
        state = self.pair.spec.accounts[(TENANT, account)]
        if not state.renewals:
            return
        if pick < 6:
            soonest = min(renewal.due_ms for renewal in state.renewals.values())
            if soonest > self.pair.now_ms:
                self.pair.advance(soonest - self.pair.now_ms)
        answer = self.pair.run(Expire(tenant=TENANT, account_id=account))
        after = self.pair.spec.accounts[(TENANT, account)]
        due = answer.renewals_due or tuple(
            (name, renewal.due_ms) for name, renewal in sorted(after.renewals.items())
        )
        if not due:
            return
        name, due_ms = due[pick % len(due)]
        bundle: Bundle | None = BUNDLES[name]
        refusal = None
        if book == "changed" and name == "b-short":
            bundle = CHANGED
        elif book in ("gone", "not for sale"):
            bundle = None
            refusal = Outcome.RATING_FAILED if book == "gone" else Outcome.SERVICE_DENIED
        self._run(
            RenewBundle(
                profile=self._profile(account, ""),
                bundle_id=name,
                bundle=bundle,
                refusal=refusal,
                due_ms=due_ms + wrong,
                month_ends=self._month_ends(account),
                **self._call(account, ago=0),
            )
        )

    @rule(account=accounts, pick=st.integers(0, 7), steps=st.sampled_from([(-1, 1), (-1, -1, 3)]))
    def sink(self, *, account: str, pick: int, steps: tuple[int, ...]) -> None:
        """Take a marked balance down to just above its mark, then move it by ones."""
        state = self.pair.spec.accounts[(TENANT, account)]
        names = sorted(state.thresholds)
        if not names:
            return
        name = names[pick % len(names)]
        bucket, quantity = state.buckets[name], state.thresholds[name].quantity
        for step in (quantity + 1 - bucket.balance, *steps):
            if step:
                call = self._call(account, ago=0)
                unit = bucket.terms.unit
                self._run(AdjustBucket(bucket_id=name, unit=unit, quantity=step, **call))

    @rule(
        account=accounts,
        name=st.sampled_from(["b-short", "b-short", "b-month", "b-gift", "b-many"]),
        events=st.lists(st.sampled_from(LIFE), min_size=4, max_size=12),
        pick=st.integers(0, 7),
    )
    def life(self, *, account: str, name: str, events: list[str], pick: int) -> None:
        """Buy one with money at hand, then let happen to it what may."""
        self._resume(account)
        self._pay_in(account, 3_000)
        self.purchase(account=account, name=name, renew=True, refusal=None, late=None)
        for event in events:
            self._happen(account, name, event, pick)

    def _resume(self, account: str) -> None:
        state = self.pair.spec.accounts[(TENANT, account)]
        if state.status is AccountStatus.SUSPENDED:
            call = self._call(account, ago=0)
            self._run(SetAccountStatus(status=AccountStatus.ACTIVE, **call))

    def _pay_in(self, account: str, micros: int) -> None:
        call = self._call(account, ago=0)
        payment = f"life-{self.request_count}"
        money: dict[str, Any] = {"bucket_id": "main", "terms": None, "unit": Unit.MICROS}
        self._run(TopUp(payment_reference=payment, quantity=micros, **money, **call))

    def _happen(self, account: str, name: str, event: str, pick: int) -> None:
        state = self.pair.spec.accounts[(TENANT, account)]
        renewal = state.renewals.get(name)
        match event:
            case "renew" | "renew changed" | "renew gone":
                book = event.removeprefix("renew").strip() or "same"
                self.renew(account=account, pick=pick % 6, book=book, wrong=0)
            case "starve":
                for again in ("drain", *["renew"] * 7):
                    self._happen(account, name, again, pick)
            case "end" if renewal is not None:
                self.pair.advance(max(0, renewal.end_ms - self.pair.now_ms))
                self.pair.run(Expire(tenant=TENANT, account_id=account))
            case "drain":
                main = state.buckets["main"]
                if main.balance > main.reserved:
                    taken = main.balance - main.reserved
                    call = self._call(account, ago=0)
                    money: dict[str, Any] = {"bucket_id": "main", "unit": Unit.MICROS}
                    self._run(WithdrawBalance(quantity=taken, **money, **call))
            case "pay":
                self._pay_in(account, 700)
            case "cancel":
                call = self._call(account, ago=0)
                self._run(CancelBundleRenewal(bundle_id=name, **call))
            case "use":
                self._use(account, pick)
            case "hold":
                self._hold(account, pick)
            case "buy":
                self.purchase(account=account, name=name, renew=False, refusal=None, late=None)
            case _:
                self.mark(account=account, pick=pick, distance=30, off=False, other_unit=False)

    def _use(self, account: str, pick: int) -> None:
        """Some of what a bundle gave."""
        service = ("data", "voice", "sms")[pick % 3]
        self._run(
            Debit(
                profile=self._profile(account, ""),
                service_id=service,
                terms=SERVICES[service][0],
                refusal=None,
                basis=Basis.USED,
                used_units=1 + 9 * pick,
                **self._call(account, ago=0),
            )
        )

    def _hold(self, account: str, pick: int) -> None:
        """Hold some of it, perhaps past its end."""
        reservation = f"r{1 + pick % 6}"
        answer = self._run(
            Reserve(
                profile=self._profile(account, ""),
                service_id="data",
                terms=SERVICES["data"][0],
                refusal=None,
                wish=GrantWish(requested_units=20 + 10 * pick, validity_ms=60_000),
                reservation_id=reservation,
                session_id=reservation,
                **self._call(account, ago=0),
            )
        )
        if answer.outcome is Outcome.GRANTED:
            self._opened(account, reservation)

    @precondition(lambda self: any(state.renewals for state in self.pair.spec.accounts.values()))
    @rule(account=accounts, name=bundles, rarely=st.integers(0, 3))
    def cancel(self, *, account: str, name: str, rarely: int) -> None:
        """Cancel, not too often."""
        if rarely == 0:
            self._run(CancelBundleRenewal(bundle_id=name, **self._call(account)))

    @rule(
        account=accounts,
        pick=st.integers(0, 7),
        distance=st.sampled_from([-1, 0, 1, 30, 60, 100]),
        off=st.sampled_from([False] * 5 + [True]),
        other_unit=st.sampled_from([False] * 9 + [True]),
    )
    def mark(self, *, account: str, pick: int, distance: int, off: bool, other_unit: bool) -> None:
        """Mark a balance just above, at or below what it is; sometimes one that is not there."""
        state = self.pair.spec.accounts[(TENANT, account)]
        names = [*sorted(state.buckets), "b9"]
        name = names[pick % len(names)]
        found = state.buckets.get(name)
        unit = found.terms.unit if found is not None else Unit.MICROS
        balance = found.balance if found is not None else 0
        if other_unit:
            unit = Unit.SECONDS if unit is not Unit.SECONDS else Unit.COUNT
        self._run(
            SetBucketThreshold(
                bucket_id=name,
                unit=unit,
                threshold=-1 if off else min(QUANTITY_MAX, max(0, balance - distance)),
                **self._call(account),
            )
        )
