"""What gateways and top-up systems ask, at random, on a few accounts that many of them share.

A reservation belongs to whoever gets hold of it, so two callers may settle the same one; caps are
lowered below what was spent; money runs out and comes back. Most of it is well-behaved, because
a refused call proves little.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ocs.client.operation import Operation
from ocs.client.operations import account, charging, spending_cap
from ocs.client.values import (
    Basis,
    CapHolder,
    Identity,
    NextGrant,
    OverrunPolicy,
    Period,
    Unit,
    UsedSegment,
)
from tests.campaigns.support.calls import Call

MIB: Final = 1024 * 1024
EUR: Final = 1_000_000
SERVICES: Final = ("data",) * 9 + ("voice",) * 6 + ("sms",) * 4 + ("esim_activation", "fax")
UNITS: Final = {"data": Unit.OCTETS, "voice": Unit.SECONDS}
OTHER_PARTIES: Final = ("", "491601234567", "33612345678", "12125550123")
NETWORKS: Final = ("",) * 6 + ("20801", "310260")
TIME_ZONES: Final = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata")

Choice = tuple[str, Operation[Any]]


@dataclass(frozen=True, slots=True)
class CapSpec:
    """A cap that every account has, and around what its limit moves."""

    cap_id: str
    holder: CapHolder | None
    period: Period
    unit: Unit
    first_limit: int
    service_id: str | None = None
    zone: str | None = None

    def operation(self, account_id: str, limit: int) -> Operation[Any]:
        """Set it."""
        money = self.unit is Unit.MICROS
        return spending_cap.set_spending_cap(
            account_id,
            self.cap_id,
            period=self.period,
            limit_micros=limit if money else None,
            limit_units=None if money else limit,
            unit=None if money else self.unit,
            holder=self.holder,
            service_id=self.service_id,
            zone=self.zone,
        )


_S1, _S2 = CapHolder(subscriber_id="s1"), CapHolder(subscriber_id="s2")
_G1, _G2 = CapHolder(group_id="g1"), CapHolder(group_id="g2")
CAPS: Final = (
    CapSpec("day", None, Period.DAY, Unit.MICROS, 100 * EUR),
    CapSpec("one-charge", None, Period.REQUEST, Unit.MICROS, 6 * EUR),
    CapSpec("month-data", None, Period.MONTH, Unit.OCTETS, 50_000 * MIB, "data"),
    CapSpec("abroad", None, Period.YEAR, Unit.MICROS, 40 * EUR, None, "eu"),
    CapSpec("line", _S1, Period.HOUR, Unit.MICROS, 50 * EUR),
    CapSpec("talk", _S2, Period.WEEK, Unit.SECONDS, 60_000, "voice"),
    CapSpec("family", _G1, Period.MONTH, Unit.MICROS, 80 * EUR),
    CapSpec("kids", _G2, Period.LIFETIME, Unit.OCTETS, 20_000 * MIB),
)
HOLDERS: Final = (None, _S1, _S2, _G1, _G2)


@dataclass(slots=True)
class Open:
    """A reservation that somebody may settle."""

    name: str
    service_id: str
    granted_units: int
    sequence_number: int = 0


class Traffic:
    """Makes operations for a fixed set of accounts, and learns from their answers."""

    def __init__(self, account_ids: Sequence[str]) -> None:
        self._account_ids = tuple(account_ids)
        self._open: dict[str, list[Open]] = {account_id: [] for account_id in account_ids}
        self._references: dict[str, list[str]] = {account_id: [] for account_id in account_ids}
        self._spent: dict[tuple[str, str], int] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._makers: tuple[tuple[int, Callable[[random.Random, str], Operation[Any]]], ...] = (
            (34, self._reserve),
            (32, self._commit),
            (5, self._release),
            (15, self._debit),
            (8, self._top_up),
            (3, self._set_cap),
            (3, self._get),
        )

    def opening(self, account_id: str) -> list[Operation[Any]]:
        """What an account begins with: three lines, some money and units, eight caps."""
        number = self._account_ids.index(account_id)
        lines = [("s1", ("g1",)), ("s2", ("g1", "g2")), ("s3", ())]
        return [
            account.create_account(
                account_id,
                currency="EUR",
                plan="family",
                time_zone=TIME_ZONES[number % len(TIME_ZONES)],
                billing_anchor_day=1 + number % 31,
                credit_limit_micros=5 * EUR if number % 2 else 0,
            ),
            *(
                account.add_subscriber(
                    account_id,
                    line,
                    identities=[Identity.msisdn(self._msisdn(account_id, line))],
                    group_ids=groups,
                )
                for line, groups in lines
            ),
            account.top_up(
                account_id, payment_reference=f"{account_id}-first", micros=10 * EUR, currency="EUR"
            ),
            *(spec.operation(account_id, spec.first_limit) for spec in CAPS),
        ]

    def _msisdn(self, account_id: str, line: str) -> str:
        return f"4915{self._account_ids.index(account_id):06}{line[1]}"

    def next(self, rng: random.Random) -> Choice:
        """Make the next operation of some caller."""
        account_id = rng.choice(self._account_ids)
        weights = [weight for weight, _ in self._makers]
        (_, make), *_ = rng.choices(self._makers, weights)
        return account_id, make(rng, account_id)

    def learn(self, call: Call) -> None:
        """Take note of what an answer opened or changed."""
        if call.reason or not call.answered or call.repeat:
            return
        if call.method in ("Reserve", "Commit"):
            message = call.message()
            if message.grant.granted_units:
                self._found(call.account_id, message.reservation, message.grant)
        elif call.method == "SetSpendingCap":
            self._stands(call.account_id, call.message().cap)
        elif call.method == "GetAccount":
            for cap in call.message().account.caps:
                self._stands(call.account_id, cap)

    def _stands(self, account_id: str, cap: Any) -> None:
        self._spent[(account_id, cap.cap_id)] = cap.spent + cap.reserved

    def _found(self, account_id: str, name: str, grant: Any) -> None:
        for known in self._open[account_id]:
            if known.name == name:
                known.granted_units = grant.granted_units
                return
        service_id = {2: "data", 3: "voice"}.get(grant.unit, "sms")
        self._open[account_id].append(Open(name, service_id, grant.granted_units))

    def _units(self, rng: random.Random, service_id: str) -> int:
        if service_id == "data":
            return rng.randint(1, 200) * MIB + rng.randint(0, 5_000)
        return rng.randint(10, 600) if service_id == "voice" else rng.randint(1, 10)

    def _payer(self, rng: random.Random, account_id: str) -> dict[str, Any]:
        line = rng.choice(("s1", "s2", "s3"))
        match rng.choices(("account", "line", "identity", "unknown"), (25, 50, 24, 1))[0]:
            case "account":
                return {"account_id": account_id}
            case "line":
                return {"account_id": account_id, "subscriber_id": line}
            case "identity":
                return {"identity": Identity.msisdn(self._msisdn(account_id, line))}
            case _:
                return {"account_id": account_id, "subscriber_id": "nobody"}

    def _place(self, rng: random.Random, service_id: str) -> dict[str, Any]:
        if service_id == "data":
            return {"visited_network": rng.choice(NETWORKS)}
        return {"other_party": rng.choice(OTHER_PARTIES)}

    def _reserve(self, rng: random.Random, account_id: str) -> Operation[Any]:
        service_id = rng.choice(SERVICES)
        session = f"x{rng.randint(0, 2)}" if rng.random() < 0.2 else ""
        return charging.reserve(
            service_id=service_id,
            requested_units=self._units(rng, service_id),
            unit=rng.choices((None, UNITS.get(service_id), Unit.MICROS), (60, 39, 1))[0],
            all_or_nothing=rng.random() < 0.15,
            session_id=session,
            sequence_number=self._next_number(rng, account_id, session) if session else None,
            reservation_id=f"r{rng.randint(0, 40)}" if rng.random() < 0.03 else "",
            validity=timedelta(seconds=rng.randint(1, 5)) if rng.random() < 0.3 else None,
            **self._payer(rng, account_id),
            **self._place(rng, service_id),
        )

    def _next_number(self, rng: random.Random, account_id: str, session: str) -> int | None:
        """Number a request of a session: mostly in order, now and then not."""
        if rng.random() < 0.5:
            return None
        at = (account_id, session)
        self._numbers[at] = self._numbers.get(at, 0) + 1
        return max(0, self._numbers[at] + rng.choice((0, 0, 0, 0, 3, -1, -5)))

    def _commit(self, rng: random.Random, account_id: str) -> Operation[Any]:
        opened = self._open[account_id]
        if not opened:
            return self._reserve(rng, account_id)
        # Mostly the oldest, so that what nobody settles for a minute is there, but not the rule.
        index = rng.randrange(min(len(opened), 12))
        found = opened[index]
        how = rng.choices(("close", "keep", "next"), (50, 20, 30))[0]
        used_units = int(found.granted_units * rng.choice((0, 0.3, 0.7, 1, 1, 1, 1.2)))
        used: int | list[UsedSegment] = used_units
        if rng.random() < 0.1:
            used = [UsedSegment(used_units // 2), UsedSegment(used_units - used_units // 2)]
        if how == "close" and rng.random() < 0.9:
            del opened[index]
        found.sequence_number += 1
        numbered = rng.random() < 0.2
        return charging.commit(
            found.name,
            used,
            keep=how == "keep",
            next_grant=NextGrant(self._units(rng, found.service_id), rng.random() < 0.1)
            if how == "next"
            else None,
            sequence_number=found.sequence_number if numbered else None,
            overrun_policy=OverrunPolicy.REJECT if rng.random() < 0.05 else None,
            unit=Unit.MICROS if rng.random() < 0.01 else None,
        )

    def _release(self, rng: random.Random, account_id: str) -> Operation[Any]:
        opened = self._open[account_id]
        if not opened:
            return self._reserve(rng, account_id)
        index = rng.randrange(len(opened))
        name = opened[index].name
        if rng.random() < 0.9:
            del opened[index]
        return charging.release(name if rng.random() < 0.98 else name + "-unknown")

    def _debit(self, rng: random.Random, account_id: str) -> Operation[Any]:
        service_id = rng.choice(SERVICES)
        return charging.debit(
            service_id=service_id,
            used_units=self._units(rng, service_id),
            basis=rng.choice((Basis.AUTHORIZE, Basis.USED)),
            session_id=f"x{rng.randint(0, 2)}" if rng.random() < 0.1 else "",
            **self._payer(rng, account_id),
            **self._place(rng, service_id),
        )

    def _top_up(self, rng: random.Random, account_id: str) -> Operation[Any]:
        references = self._references[account_id]
        reference = f"{account_id}-{rng.getrandbits(64):016x}"
        if references and rng.random() < 0.03:
            reference = rng.choice(references)
        references.append(reference)
        match rng.choices(("money", "pack", "promo"), (80, 12, 8))[0]:
            case "money":
                return account.top_up(
                    account_id,
                    payment_reference=reference,
                    micros=rng.randint(1, 4_000_000),
                    currency="EUR" if rng.random() < 0.99 else "USD",
                )
            case "pack":
                voice = rng.random() < 0.5
                return account.top_up(
                    account_id,
                    payment_reference=reference,
                    units=rng.randint(1, 300) if voice else rng.randint(1, 100) * MIB,
                    unit=Unit.SECONDS if voice else Unit.OCTETS,
                    bucket_id="minutes" if voice else "pack",
                    priority=10,
                    service_ids=["voice" if voice else "data"],
                )
            case _:
                return account.top_up(
                    account_id,
                    payment_reference=reference,
                    micros=rng.randint(1, 500_000),
                    currency="EUR",
                    bucket_id=f"promo{rng.randint(0, 9)}",
                    priority=5,
                    expire_time=datetime.now(UTC) + timedelta(seconds=rng.randint(1, 30)),
                )

    def _set_cap(self, rng: random.Random, account_id: str) -> Operation[Any]:
        spec = rng.choice(CAPS)
        spent = self._spent.get((account_id, spec.cap_id), 0)
        room = spec.first_limit
        # Mostly above what is spent by now, or soon nothing would be granted any more.
        limit = spent + spent // 4 + rng.randint(-room // 4, room)
        return spec.operation(account_id, max(0, limit))

    def _get(self, _: random.Random, account_id: str) -> Operation[Any]:
        return account.get_account(account_id)
