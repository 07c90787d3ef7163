"""Random commands on both sides, from small pools so that they meet."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from ocs.domain.answer import Outcome, Reason
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import (
    AddSubscriber,
    Basis,
    Commit,
    Debit,
    Expire,
    GrantWish,
    Release,
    RemoveSubscriber,
    Reserve,
    SetSpendingCap,
    TopUp,
    UpdateSubscriber,
)
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from tests.model.bundles import Bundles
from tests.model.keeping import Keeping
from tests.model.pair import TENANT
from tests.model.pools import (
    EXACTLY,
    MISFITS,
    SERVICES,
    TO_THE_BOUND,
    accounts,
    bucket_terms,
    ids,
    periods,
    sequences,
    services,
    sessions,
    small,
    subscribers,
    units,
    used,
    windowed,
    wishes,
    zones,
)
from tests.model.prices import Prices
from tests.model.sessions import Sessions


class ChargingMachine(Keeping, Bundles, Sessions, Prices):
    """One private Valkey, cleared for each example."""

    @initialize(
        limit=st.sampled_from([0, 0, 500, QUANTITY_MAX - 100_000]),
        zone=st.sampled_from(["UTC", "Europe/Paris"]),
        money=st.sampled_from([300, 2_000, 20_000]),
        cap=st.integers(100, 1_500),
        period=st.sampled_from([period for period in Period if period is not Period.REQUEST]),
        shared=st.sampled_from([Period.LIFETIME, Period.HOUR, Period.ROLLING, Period.ROLLING]),
        extra=bucket_terms,
        life=st.sampled_from([0, 0, 1_000, 45_000, 700_000]),
    )
    def open_accounts(
        self,
        *,
        limit: int,
        zone: str,
        money: int,
        cap: int,
        period: Period,
        shared: Period,
        extra: BucketTerms,
        life: int,
    ) -> None:
        """Open two accounts with lines, money, units and a cap: an example gets somewhere."""
        self._create("a1", limit, zone, 1)
        self._create("a2", 0, "UTC", 31)
        self._add_subscriber("a1", "s1", ("g1",))
        self._add_subscriber("a1", "s2", ("g1", "g2"))
        self._add_subscriber("a2", "s1", ())
        self.credit("a1", "main", None, Unit.MICROS, money)
        self.credit("a2", "main", None, Unit.MICROS, money)
        self.credit("a1", "b1", BucketTerms(Unit.OCTETS, 5), Unit.OCTETS, 95)
        extra = replace(extra, expire_ms=self.pair.now_ms + life if life else 0)
        self.credit("a1", "b2", extra, extra.unit, 150)
        for account, first in (
            ("a1", windowed(SpendingCap("account", "c1", Unit.MICROS, 20 * cap, period))),
            ("a1", SpendingCap("subscriber/s1", "c4", Unit.OCTETS, cap, Period.DAY)),
            ("a1", windowed(SpendingCap("group/g1", "c5", Unit.MICROS, cap, shared))),
            ("a2", windowed(SpendingCap("account", "c1", Unit.MICROS, 20 * cap, shared))),
        ):
            self._run(SetSpendingCap(cap=first, **self._call(account)))

    # Account keeping.

    @rule(
        account=accounts,
        kind=st.sampled_from(["account", "add", "add", "remove", "remove", "expire", "expire"]),
        limit=st.sampled_from([0, 500]),
        groups=st.sampled_from([(), ("g1",), ("g1", "g2")]),
        subscriber=st.sampled_from(["s1", "s2", "s3"]),
    )
    def rarely(
        self, *, account: str, kind: str, limit: int, groups: tuple[str, ...], subscriber: str
    ) -> None:
        if kind == "account":
            self._create("a3" if limit else account, limit, "UTC", 1)
        elif kind == "add":
            self._add_subscriber(account, subscriber, groups)
        elif kind == "remove":
            self._remove_subscriber(account, subscriber, seen=not limit or bool(groups))
        else:
            self.pair.run(Expire(tenant=TENANT, account_id=account))

    def _add_subscriber(self, account: str, subscriber: str, groups: tuple[str, ...]) -> None:
        call = self._call(account)
        identities = (("msisdn", "49151"), ("imsi", "26201")) if len(groups) == 1 else ()
        self._run(
            AddSubscriber(subscriber_id=subscriber, identities=identities, group_ids=groups, **call)
        )

    def _remove_subscriber(self, account: str, subscriber: str, *, seen: bool) -> None:
        """Remove a line; sometimes a reservation was opened since the service looked."""
        state = self.pair.spec.accounts[(TENANT, account)]
        found = tuple(sorted(state.holds)) if seen else tuple(sorted(state.holds))[1:]
        self._run(RemoveSubscriber(subscriber_id=subscriber, open_ids=found, **self._call(account)))

    @rule(
        account=accounts,
        subscriber=st.sampled_from(["s1", "s2", "s3"]),
        groups=st.sampled_from([("g1",), ("g1", "g2"), ()]),
        etag=st.booleans(),
    )
    def move(self, account: str, subscriber: str, groups: tuple[str, ...], *, etag: bool) -> None:
        """Give a line other groups; with the etag as it is, or of another day.

        Without one it is a line that holds something, if there is any: it has to be refused.
        """
        if not etag:
            account, subscriber = next(self._holding(), (account, subscriber))
        state = self.pair.spec.accounts[(TENANT, account)]
        # Of s3 the service has not seen what was opened last.
        found = tuple(sorted(state.holds))[subscriber == "s3" :]
        seen = state.profile_version - (subscriber == "s2")
        self._run(
            UpdateSubscriber(
                subscriber_id=subscriber,
                group_ids=groups,
                etag=str(seen) if etag else "",
                open_ids=found,
                **self._call(account),
            )
        )

    def _holding(self) -> Iterator[tuple[str, str]]:
        """Accounts and their lines for which something is held."""
        for (_, account), state in sorted(self.pair.spec.accounts.items()):
            for name in sorted(state.holds):
                if state.reservations[name].subscriber_id:
                    yield account, state.reservations[name].subscriber_id

    @rule(
        account=accounts,
        bucket=st.sampled_from(["main", "b1", "b2", "b3"]),
        terms=st.none() | bucket_terms,
        unit=st.sampled_from(list(Unit)),
        quantity=st.one_of(small, st.integers(100, 5_000), st.sampled_from(TO_THE_BOUND)),
        start=st.sampled_from([0, 0, -1, 60_000]),
        life=st.sampled_from([0, 0, 0, -1, 1, 30_000, 3_600_000]),
    )
    def top_up(
        self,
        *,
        account: str,
        bucket: str,
        terms: BucketTerms | None,
        unit: Unit,
        quantity: int,
        start: int,
        life: int,
    ) -> None:
        if terms is not None:
            now = self.pair.now_ms
            terms = BucketTerms(
                terms.unit,
                terms.priority,
                now + start if start else 0,
                now + life if life else 0,
                terms.blocking,
                terms.service_ids,
                terms.zones,
            )
            unit = terms.unit
        elif quantity % 8:
            unit = self._unit_of(account, bucket, unit)
        if quantity in TO_THE_BOUND:
            quantity = max(1, quantity - self._credited(account, bucket))
        self.credit(account, bucket, terms, unit, quantity)

    def _credited(self, account: str, bucket: str) -> int:
        """What counts towards the bound of a bucket's figures before a top-up."""
        state = self.pair.spec.accounts[(TENANT, account)]
        found = state.buckets.get(bucket)
        limit = state.terms.credit_limit if bucket == "main" else 0
        return limit + (found.credited if found is not None else 0)

    def _unit_of(self, account: str, bucket: str, otherwise: Unit) -> Unit:
        found = self.pair.spec.accounts[(TENANT, account)].buckets.get(bucket)
        return found.terms.unit if found is not None else otherwise

    def credit(
        self, account: str, bucket: str, terms: BucketTerms | None, unit: Unit, quantity: int
    ) -> None:
        call = self._call(account)
        self._run(
            TopUp(
                payment_reference=f"p{self.request_count % 40}",
                bucket_id=bucket,
                terms=terms,
                quantity=quantity,
                unit=unit,
                **call,
            )
        )

    @rule(
        account=accounts,
        holder=st.sampled_from(
            ["account", "account", "subscriber/s1", "subscriber/s2", "group/g1"]
        ),
        cap_id=st.sampled_from(["c1", "c2", "c3"]),
        unit=st.sampled_from([Unit.MICROS, Unit.MICROS, Unit.OCTETS, Unit.SECONDS]),
        limit=st.one_of(st.integers(0, 1_500), st.just(QUANTITY_MAX)),
        period=periods,
        scope=st.sampled_from([("", ""), ("", ""), ("data", ""), ("", "roam")]),
    )
    def set_cap(
        self,
        *,
        account: str,
        holder: str,
        cap_id: str,
        unit: Unit,
        limit: int,
        period: Period,
        scope: tuple[str, str],
    ) -> None:
        cap = windowed(SpendingCap(holder, cap_id, unit, limit, period, *scope))
        self._run(SetSpendingCap(cap=cap, **self._call(account)))

    # Charging.

    @rule(
        account=accounts,
        subscriber=subscribers,
        service=services,
        zone=zones,
        wish=wishes,
        reservation=ids,
        session=sessions,
        sequence=sequences,
        refusal=st.sampled_from([None] * 12 + [Outcome.SERVICE_DENIED, *MISFITS]),
    )
    def reserve(
        self,
        *,
        account: str,
        subscriber: str,
        service: str,
        zone: int,
        wish: GrantWish,
        reservation: str,
        session: str,
        sequence: int,
        refusal: Outcome | Reason | None,
    ) -> None:
        profile = self._profile(account, subscriber)
        terms = SERVICES[service][zone % len(SERVICES[service])]
        answer = self._run(
            Reserve(
                profile=profile,
                service_id=service,
                terms=None if refusal else terms,
                refusal=refusal,
                wish=wish,
                reservation_id=reservation,
                session_id=session or reservation,
                sequence_number=sequence,
                **self._call(account),
            )
        )
        if answer.outcome is Outcome.GRANTED:
            self._opened(account, reservation)

    @precondition(lambda self: self.opened)
    @rule(
        pick=st.integers(0, 7),
        quantity=used,
        step=st.sampled_from([Step.KEEP, Step.CLOSE, Step.NEXT_GRANT, Step.NEXT_GRANT]),
        wish=wishes,
        successor=ids,
        sequence=sequences,
        reject=st.sampled_from([False] * 5 + [True]),
        refusal=st.sampled_from([None] * 18 + MISFITS),
    )
    def commit(
        self,
        *,
        pick: int,
        quantity: int,
        step: Step,
        wish: GrantWish,
        successor: str,
        sequence: int,
        reject: bool,
        refusal: Reason | None,
    ) -> None:
        account, reservation = self._pick(pick)
        facts, profile = self._facts(account, reservation)
        if quantity == EXACTLY:
            hold = self.pair.spec.accounts[(TENANT, account)].holds.get(reservation)
            quantity = hold.granted_units if hold is not None else 1
        answer = self._run(
            Commit(
                profile=profile,
                reservation=facts,
                reservation_id=reservation,
                used_units=quantity,
                step=step,
                wish=wish if step is Step.NEXT_GRANT else None,
                next_reservation_id=successor,
                sequence_number=sequence,
                reject_overrun=reject,
                refusal=refusal,
                **self._call(account),
            )
        )
        if answer.outcome is Outcome.GRANTED:
            self._opened(account, answer.reservation_id)

    @precondition(lambda self: self.opened)
    @rule(pick=st.integers(0, 7))
    def release(self, pick: int) -> None:
        account, reservation = self._pick(pick)
        facts, profile = self._facts(account, reservation)
        self._run(
            Release(
                profile=profile,
                reservation=facts,
                reservation_id=reservation,
                **self._call(account),
            )
        )

    @rule(
        account=accounts,
        subscriber=subscribers,
        service=services,
        zone=zones,
        basis=st.sampled_from(list(Basis)),
        quantity=st.one_of(small, units),
        session=sessions,
        sequence=sequences,
        refusal=st.sampled_from([None] * 12 + [Outcome.RATING_FAILED, *MISFITS]),
    )
    def debit(
        self,
        *,
        account: str,
        subscriber: str,
        service: str,
        zone: int,
        basis: Basis,
        quantity: int,
        session: str,
        sequence: int,
        refusal: Outcome | Reason | None,
    ) -> None:
        terms = SERVICES[service][zone % len(SERVICES[service])]
        self._run(
            Debit(
                profile=self._profile(account, subscriber),
                service_id=service,
                terms=None if refusal else terms,
                refusal=refusal,
                basis=basis,
                used_units=quantity,
                session_id=session,
                sequence_number=sequence,
                **self._call(account),
            )
        )
