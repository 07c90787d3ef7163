"""Random charging traffic for audits: the model's operations, drawn with one seed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, cast

from hypothesis.stateful import RuleBasedStateMachine

from ocs.domain.answer import Answer, Outcome
from ocs.domain.bucket import BucketTerms
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.commands import (
    AddSubscriber,
    AdjustBucket,
    Basis,
    CancelBundleRenewal,
    Commit,
    Debit,
    DeleteSpendingCap,
    Expire,
    GrantWish,
    Mutation,
    Refund,
    RemoveSubscriber,
    Reserve,
    ReverseTopUp,
    SetAccountStatus,
    SetBucketThreshold,
    SetSpendingCap,
    TopUp,
    UpdateAccount,
    UpdateSubscriber,
    WithdrawBalance,
)
from ocs.domain.decide.refund import collected_by
from ocs.domain.periods import Period
from ocs.domain.reservation import Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountStatus
from ocs.domain.units import Unit
from ocs.store.memory import MemoryLedger
from tests.model.machine import ChargingMachine
from tests.model.pair import START_MS, Pair
from tests.model.pools import ACCOUNTS, SERVICES, windowed


@dataclass
class SpecificationOnly:
    """Stands where the model compares two sides, with the specification alone."""

    now_ms: int = START_MS
    sent: list[Mutation] = field(default_factory=list)
    spec: MemoryLedger = field(init=False)

    def __post_init__(self) -> None:
        self.spec = MemoryLedger(lambda: self.now_ms)

    def advance(self, delta_ms: int) -> None:
        self.now_ms += delta_ms

    def run(self, command: Mutation | Expire) -> Answer:
        if not isinstance(command, Expire):
            self.sent.append(command)
        return self.spec.decide(command)


class SpecificationMachine(ChargingMachine):
    """The model's operations on the specification alone."""

    def position_of(self, event: ChargingEvent) -> str:
        """Return anything: no stream is read."""
        return f"{event.seq}-0"

    def line_of(self, _event: ChargingEvent) -> str:
        """Return nothing: the specification decides by the event itself."""
        return ""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        self.pair = cast("Pair", SpecificationOnly())
        self.request_count = 0
        self.opened = []


class Traffic:
    """Calls a machine's operations with arguments drawn from a seed."""

    def __init__(self, machine: ChargingMachine, seed: int) -> None:
        self.machine = machine
        self._random = Random(seed)

    def run(self, step_count: int) -> None:
        pick = self._random
        machine = self.machine
        machine._create("a1", pick.choice([0, 500]), "Europe/Paris", 1)
        machine._create("a2", 0, "UTC", 31)
        for account, subscriber, groups in [
            ("a1", "s1", ("g1",)), ("a1", "s2", ("g1", "g2")), ("a2", "s1", ()),
        ]:  # fmt: skip
            machine._add_subscriber(account, subscriber, groups)
            machine.credit(account, "main", None, Unit.MICROS, 20_000)
        machine.credit("a1", "b1", BucketTerms(Unit.OCTETS, 5), Unit.OCTETS, 500)
        for holder, unit in [
            ("account", Unit.MICROS), ("subscriber/s1", Unit.MICROS), ("group/g1", Unit.OCTETS),
        ]:  # fmt: skip
            self.machine.set_cap(
                account="a1", holder=holder, cap_id="c2", unit=unit, limit=5_000,
                period=Period.DAY, scope=("", ""),
            )  # fmt: skip
        self.go_on(step_count)

    def go_on(self, step_count: int) -> None:
        """Draw more operations."""
        pick = self._random
        steps: list[tuple[Callable[[], None], int]] = [
            (self._reserve, 30), (self._commit, 30), (self._debit, 12), (self._top_up, 8),
            (self._set_cap, 5), (self._release, 5), (self._rarely, 5), (self._advance, 8),
            (self._resend, 2), (self._set_status, 3), (self._correct, 4), (self._refund_one, 4),
        ]  # fmt: skip
        operations, weights = zip(*steps, strict=True)
        for operation in pick.choices(operations, weights, k=step_count):
            operation()

    def trade(self, step_count: int) -> None:
        """Buy, renew and cancel bundles among other operations."""
        for _ in range(step_count):
            self._bundle()
            self.go_on(self._random.randint(0, 3))

    def hold_open(self) -> None:
        """End with a bucket that ends, use that nobody pays, and holds under caps of all kinds."""
        machine = self.machine
        machine._run(SetAccountStatus(status=AccountStatus.ACTIVE, **self._fresh()))
        ends = BucketTerms(Unit.OCTETS, 5, expire_ms=machine.pair.now_ms + 30_000)
        self._credit("p-ends", "b9", ends)
        machine.advance(delta=86_400_000)
        for cap in list(machine.pair.spec.accounts[("main", "a1")].caps.values()):
            self._cap(replace(cap, limit=10**9))
        for holder in ("account", "subscriber/s1", "group/g1"):
            self._cap(SpendingCap(holder, "live", Unit.MICROS, 10**9, Period.LIFETIME))
            self._cap(SpendingCap(holder, "units", Unit.OCTETS, 10**9, Period.LIFETIME))
            self._cap(SpendingCap(holder, "gone", Unit.MICROS, 10**9, Period.DAY))
            self._cap(windowed(SpendingCap(holder, "rolls", Unit.MICROS, 10**9, Period.ROLLING)))
        self._credit("p-over")
        self._reserve_live("over", "sms")
        facts, profile = machine._facts("a1", "over")
        machine._run(
            Commit(
                profile=profile, reservation=facts, reservation_id="over", used_units=2**30,
                step=Step.CLOSE, **self._fresh(),
            )
        )  # fmt: skip
        machine._run(
            Debit(
                profile=machine._profile("a1", "s1"), service_id="sms", terms=SERVICES["sms"][0],
                refusal=None, basis=Basis.USED, used_units=5, **self._fresh(),
            )
        )  # fmt: skip
        self._keep_account()
        self._bundles()
        self._credit("p-live")
        self._refund()
        for number, service in enumerate(["data", "voice", "sms"]):
            self._reserve_live(f"live{number}", service)
        line: dict[str, Any] = {"subscriber_id": "s8", "identities": (), "group_ids": ("g1",)}
        assert machine._run(AddSubscriber(**line, **self._fresh())).reason is None
        self._cap(SpendingCap("subscriber/s8", "own", Unit.MICROS, 10**9, Period.DAY))
        holding = tuple(machine.pair.spec.accounts[("main", "a1")].holds)
        move = UpdateSubscriber(
            subscriber_id="s8", group_ids=("g2",), open_ids=holding, **self._fresh()
        )
        assert machine._run(move).reason is None
        leave = RemoveSubscriber(subscriber_id="s8", open_ids=holding, **self._fresh())
        assert machine._run(leave).reason is None
        for holder in ("account", "subscriber/s1", "group/g1"):
            machine._run(DeleteSpendingCap(holder=holder, cap_id="gone", **self._fresh()))

    def _bundles(self) -> None:
        """Buy two, renew one in time, one too late to close, let what is left roll over."""
        machine, run = self.machine, self.machine._run
        self._credit("p-bundles")
        main = next(b for b in machine.pair.spec.accounts[("main", "a1")].buckets.values()
                    if b.bucket_id == "main")  # fmt: skip
        mark: dict[str, Any] = {"bucket_id": "main", "unit": Unit.MICROS}
        run(SetBucketThreshold(threshold=main.balance - 100, **mark, **self._fresh()))
        for name in ("b-short", "b-month"):
            run(CancelBundleRenewal(bundle_id=name, **self._fresh()))
            machine.purchase(account="a1", name=name, renew=True, refusal=None, late=None)
        for wrong in (0, 0):
            machine.renew(account="a1", pick=0, book="same", wrong=wrong)
        machine.advance(delta=60_000)
        run(Expire(tenant="main", account_id="a1"))  # type: ignore[arg-type]  # it takes both

    def _refund(self) -> None:
        """Use under caps of account, line and group, and give a part of it back, twice."""
        run, machine = self.machine._run, self.machine
        answer = run(
            Debit(
                profile=machine._profile("a1", "s1"), service_id="sms", terms=SERVICES["sms"][0],
                refusal=None, basis=Basis.USED, used_units=9, **self._fresh(),
            )
        )  # fmt: skip
        event = next(e for e in machine.pair.spec.journal if e.account_id == "a1"
                     and e.seq == answer.seq)  # fmt: skip
        collected = collected_by(event)
        name, quantity, _ = collected.paid[0]
        for share in (quantity // 3, quantity // 2):
            assert run(
                Refund(
                    seq=event.seq, position=machine.position_of(event), collected=collected,
                    line=machine.line_of(event),
                    shares=((name, share),), **self._fresh(),
                )
            ).reason is None  # fmt: skip

    def _keep_account(self) -> None:
        run = self.machine._run
        run(SetAccountStatus(status=AccountStatus.SUSPENDED, **self._fresh()))
        run(
            Reserve(
                profile=self.machine._profile("a1", "s1"), service_id="sms",
                terms=SERVICES["sms"][0], refusal=None, wish=GrantWish(requested_units=1),
                reservation_id="never", session_id="never", **self._fresh(),
            )
        )  # fmt: skip
        run(SetAccountStatus(status=AccountStatus.ACTIVE, **self._fresh()))
        run(UpdateAccount(segment="silver", credit_limit=700, **self._fresh()))
        main: dict[str, Any] = {"bucket_id": "main", "unit": Unit.MICROS}
        self._credit("p-back")
        corrections: list[Mutation] = [
            WithdrawBalance(quantity=300, **main, **self._fresh()),
            AdjustBucket(quantity=50, **main, **self._fresh()),
            AdjustBucket(quantity=-70, **main, **self._fresh()),
            ReverseTopUp(payment_reference="p-back", allow_partial=True, **self._fresh()),
        ]
        for command in corrections:
            assert run(command).reason is None

    def _cap(self, cap: SpendingCap) -> None:
        self.machine._run(SetSpendingCap(cap=cap, **self._fresh()))

    def _credit(
        self, payment_reference: str, bucket_id: str = "main", terms: BucketTerms | None = None
    ) -> None:
        unit = terms.unit if terms is not None else Unit.MICROS
        self.machine._run(
            TopUp(
                payment_reference=payment_reference, bucket_id=bucket_id, terms=terms,
                quantity=100_000, unit=unit, **self._fresh(),
            )
        )  # fmt: skip

    def _reserve_live(self, reservation: str, service: str) -> None:
        answer = self.machine._run(
            Reserve(
                profile=self.machine._profile("a1", "s1"), service_id=service,
                terms=SERVICES[service][0], refusal=None, wish=GrantWish(requested_units=60),
                reservation_id=reservation, session_id=reservation, **self._fresh(),
            )
        )  # fmt: skip
        assert answer.outcome is Outcome.GRANTED, answer

    def _fresh(self) -> dict[str, Any]:
        """What a call carries that is sent for the first time."""
        call: dict[str, Any] = self.machine._call("a1")
        return call | {"request_time_ms": self.machine.pair.now_ms}

    def _wish(self) -> GrantWish:
        pick = self._random
        return GrantWish(
            requested_units=pick.choice([pick.randint(1, 400), 2**40]),
            all_or_nothing=pick.random() < 0.2,
            validity_ms=pick.choice([0, 1_000, 3_600_000]),
            jitter_permille=pick.choice([0, 37]),
        )

    def _place(self) -> dict[str, Any]:
        pick = self._random
        return {
            "account": pick.choice(ACCOUNTS), "subscriber": pick.choice(["", "s1", "s1", "s2"]),
            "service": pick.choice(sorted(SERVICES)), "zone": pick.randint(0, 1),
            "session": pick.choice(["", "", "x1"]), "sequence": pick.choice([-1, -1, 0, 3, 5]),
        }  # fmt: skip

    def _reserve(self) -> None:
        refusal = self._random.choice([*[None] * 15, Outcome.SERVICE_DENIED])
        reservation = f"r{self._random.randint(1, 8)}"
        self.machine.reserve(
            wish=self._wish(), reservation=reservation, refusal=refusal, **self._place()
        )

    def _commit(self) -> None:
        pick = self._random
        if self.machine.opened:
            step = pick.choice([Step.KEEP, Step.CLOSE, Step.NEXT_GRANT, Step.NEXT_GRANT])
            self.machine.commit(
                pick=pick.randint(0, 6), quantity=pick.choice([0, pick.randint(0, 500)]),
                step=step, wish=self._wish(), successor=f"r{pick.randint(1, 8)}",
                sequence=pick.choice([-1, -1, 2, 6]), reject=False, refusal=None,
            )  # fmt: skip

    def _release(self) -> None:
        if self.machine.opened:
            self.machine.release(pick=self._random.randint(0, 6))

    def _debit(self) -> None:
        pick = self._random
        refusal = pick.choice([*[None] * 15, Outcome.RATING_FAILED])
        self.machine.debit(
            basis=pick.choice(list(Basis)), quantity=pick.randint(1, 400), refusal=refusal,
            **self._place(),
        )  # fmt: skip

    def _top_up(self) -> None:
        pick = self._random
        unit = pick.choice(list(Unit))
        bucket = pick.choice(["main", "main", "b1", "b2", "b3"])
        terms = None if bucket == "main" else BucketTerms(unit, pick.choice([1, 5]))
        self.machine.top_up(
            account=pick.choice(ACCOUNTS), bucket=bucket, terms=terms, unit=unit,
            quantity=pick.randint(100, 5_000), start=0, life=pick.choice([0, 30_000, 3_600_000]),
        )  # fmt: skip

    def _set_cap(self) -> None:
        pick = self._random
        self.machine.set_cap(
            account=pick.choice(ACCOUNTS),
            holder=pick.choice(["account", "subscriber/s1", "group/g1"]),
            cap_id=pick.choice(["c1", "c2", "c3"]),
            unit=pick.choice([Unit.MICROS, Unit.OCTETS, Unit.SECONDS]),
            limit=pick.randint(100, 5_000), period=pick.choice(list(Period)),
            scope=pick.choice([("", ""), ("data", "")]),
        )  # fmt: skip

    def _rarely(self) -> None:
        pick = self._random
        self.machine.rarely(
            account=pick.choice(ACCOUNTS), kind=pick.choice(["add", "expire"]), limit=0,
            groups=("g1", "g2"), subscriber=pick.choice(["s2", "s3"]),
        )  # fmt: skip

    def _advance(self) -> None:
        deltas = [1, 5_000, 60_000, 119_999, 600_000, 3_600_000, 86_400_000, -60_000]
        self.machine.advance(self._random.choice(deltas))

    def _set_status(self) -> None:
        pick = self._random
        account = pick.choice(ACCOUNTS)
        self.machine.set_status(account, pick.randint(0, 9))
        self.machine.update(
            account=account, plan="", segment="", credit_limit=pick.choice([-1, 0, 300]),
            to_the_bound=0, etag="",
        )  # fmt: skip

    def _correct(self) -> None:
        pick = self._random
        account = pick.choice(ACCOUNTS)
        self.machine.correct(
            account=account, bucket=pick.choice(["main", "b1", "b2"]), other_unit=False,
            quantity=pick.randint(1, 300), kind=pick.choice(["withdraw", "take off", "add"]),
        )  # fmt: skip
        self.machine.reverse(account=account, payment=pick.randint(0, 39), partial=True)

    def _refund_one(self) -> None:
        pick = self._random
        if self.machine.charged:
            self.machine.refund(
                pick=pick.randint(0, 40), part=pick.choice([0, 1, 50]), lost=False,
                named=pick.choice(["", "b1"]),
            )  # fmt: skip

    def _bundle(self) -> None:
        pick = self._random
        account, name = pick.choice(ACCOUNTS), pick.choice(["b-short", "b-short", "b-month"])
        machine = self.machine
        match pick.randint(0, 5):
            case 0 | 1:
                machine.purchase(
                    account=account, name=name, renew=pick.random() < 0.7, refusal=None, late=None
                )
            case 2 | 3:
                machine.renew(
                    account=account, pick=pick.randint(0, 7), wrong=0,
                    book=pick.choice(["same", "same", "changed", "gone"]),
                )  # fmt: skip
            case 4:
                machine.mark(
                    account=account, pick=pick.randint(0, 7), distance=pick.choice([-1, 0, 100]),
                    off=pick.random() < 0.2, other_unit=False,
                )  # fmt: skip
            case _:
                machine.cancel(account=account, name=name, rarely=0)

    def _resend(self) -> None:
        self.machine.resend(back=self._random.randint(1, 6), other_meaning=False)
