"""`make bench-steps`: the store's CPU per reserve by a price list of five steps, against one step.

Reserves of both kinds in short turns, straight to the store in batches of 64 (`always`); accounts
have three buckets and three caps. Every answer is checked: granted. The ratio counts: the median
over the rounds of each round's own.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import redis
import uvloop

from loadtest.usage import StoreUsage
from ocs.domain.answer import Answer, Outcome
from ocs.domain.bucket import BucketTerms
from ocs.domain.commands import (
    CreateAccount,
    GrantWish,
    Mutation,
    Release,
    Reserve,
    SetSpendingCap,
    TopUp,
)
from ocs.domain.known import Profile
from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountTerms
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from ocs.store.connect import make_pool
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.ledger import ValkeyLedger

RATIO_MAX: Final = 1.2
ACCOUNTS: Final = 200
TURN: Final = 800
IN_FLIGHT: Final = 64
UNITS: Final = 1_000_000  # across all five steps
TERMS: Final = AccountTerms("EUR", "UTC", 1, "plan", "segment", 0)
ONE: Final = Rate.compiled([Stretch(0, 1024, Fraction(2_000_000, 2**30))])
FIVE: Final = Rate.compiled(
    [
        Stretch(start * 1024, 1024, Fraction(price, 2**30))
        for start, price in ((0, 0), (64, 3_000_000), (256, 2_500_000), (512, 2_000_000), (768, 7))
    ]
)


def line(rate: Rate, name: str) -> ServiceTerms:
    """One line of a tariff."""
    return ServiceTerms("data", Unit.OCTETS, "", rate, 1024, 600_000, "bench", name)


LINES: Final = {"one step": line(ONE, "one"), "five steps": line(FIVE, "five")}


class Accounts:
    """Accounts, and what is asked of them."""

    def __init__(self, ledger: ValkeyLedger) -> None:
        self._ledger = ledger
        self._numbers = count(1)
        self._profiles: list[Profile] = []

    async def open(self) -> None:
        """Three buckets and three caps each, none of them near its end."""
        for number in range(ACCOUNTS):
            account_id = f"a{number}"
            commands: list[Mutation] = [CreateAccount(terms=TERMS, **self._call(account_id))]
            for bucket_id, terms in (
                ("main", None),
                ("calls", BucketTerms(Unit.SECONDS, 5)),
                ("texts", BucketTerms(Unit.COUNT, 5)),
            ):
                unit = Unit.MICROS if terms is None else terms.unit
                call = self._call(account_id)
                commands.append(
                    TopUp(
                        payment_reference=call["request_id"],
                        bucket_id=bucket_id,
                        terms=terms,
                        quantity=10**12,
                        unit=unit,
                        **call,
                    )
                )
            for period in (Period.DAY, Period.MONTH, Period.LIFETIME):
                cap = SpendingCap("account", period.value, Unit.MICROS, QUANTITY_MAX, period)
                commands.append(SetSpendingCap(cap=cap, **self._call(account_id)))
            for command in commands:
                answer = await self._ledger.execute(command)
                assert answer.reason is None, answer
            found = await self._ledger.profile("main", account_id, "")
            assert isinstance(found, Profile)
            self._profiles.append(found)

    async def reserve(self, terms: ServiceTerms) -> list[str]:
        """One turn; return the reservations."""
        commands = [self._reserve(terms, self._profiles[at % ACCOUNTS]) for at in range(TURN)]
        answers = await self._all(commands)
        assert {answer.outcome for answer in answers} == {Outcome.GRANTED}
        return [answer.reservation_id for answer in answers]

    async def release(self, reservation_ids: Sequence[str]) -> None:
        """Give a turn back, so that each finds accounts without holds."""
        commands = []
        for at, reservation_id in enumerate(reservation_ids):
            profile = self._profiles[at % ACCOUNTS]
            facts = await self._ledger.reservation_facts("main", profile.account_id, reservation_id)
            commands.append(
                Release(
                    profile=profile,
                    reservation=facts,
                    reservation_id=reservation_id,
                    **self._call(profile.account_id),
                )
            )
        answers = await self._all(commands)
        assert {answer.reason for answer in answers} == {None}

    def _reserve(self, terms: ServiceTerms, profile: Profile) -> Reserve:
        call = self._call(profile.account_id)
        return Reserve(
            profile=profile,
            service_id=terms.service_id,
            terms=terms,
            refusal=None,
            wish=GrantWish(requested_units=UNITS),
            reservation_id=call["request_id"],
            session_id=call["request_id"],
            **call,
        )

    async def _all(self, commands: Sequence[Mutation]) -> list[Answer]:
        answers: list[Answer] = []
        for first in range(0, len(commands), IN_FLIGHT):
            part = commands[first : first + IN_FLIGHT]
            answers += await asyncio.gather(*map(self._ledger.execute, part))
        return answers

    def _call(self, account_id: str) -> dict[str, Any]:
        number = next(self._numbers)
        return {
            "tenant": "main",
            "account_id": account_id,
            "request_id": f"q{number}",
            "fingerprint": f"{number:024d}",
            "request_time_ms": time.time_ns() // 1_000_000,
            "window_ms": 900_000,
        }


async def measure(store: EmbeddedValkey, round_count: int) -> list[dict[str, float]]:
    """Run the rounds; return microseconds of the store's CPU per reserve, by kind."""
    ledger = ValkeyLedger(
        make_pool(store.url, 1), connections=1, now_ms=lambda: time.time_ns() // 1_000_000
    )
    rounds = []
    try:
        refused = await ledger.load(ledger.pipelines[0])
        assert refused is None, refused
        accounts = Accounts(ledger)
        await accounts.open()
        with redis.Redis(unix_socket_path=str(store.socket_path)) as asking:
            for number in range(-1, round_count):  # the first warms up
                found = {}
                for name, terms in LINES.items():
                    before = StoreUsage.read(asking).cpu_s
                    reserved = await accounts.reserve(terms)
                    found[name] = (StoreUsage.read(asking).cpu_s - before) / TURN * 1e6
                    await accounts.release(reserved)
                if number >= 0:
                    rounds.append(found)
                    print(f"\rround {number + 1} of {round_count}", end="", file=sys.stderr)
    finally:
        await ledger.close()
    return rounds


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        private_valkey(Path(directory), "always") as store,
    ):
        rounds = uvloop.run(measure(store, options.rounds))
    print(file=sys.stderr)
    for name in LINES:
        print(f"{name:<12}{median(each[name] for each in rounds):8.1f} us of the store per reserve")
    ratio = median(each["five steps"] / each["one step"] for each in rounds)
    print(f"ratio       {ratio:8.3f}, at most {RATIO_MAX}")
    return 0 if ratio <= RATIO_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
