"""What the lines do: data sessions, calls, messages, and the ways in which money runs out.

Demo time runs faster than life: a session that takes an evening is over in seconds. Prices, units
and the order of the calls are those of a real gateway.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ocs.client import (
    Basis,
    BundleRenewal,
    CapReached,
    Charge,
    GrantResult,
    NextGrant,
    OcsError,
    Outcome,
)
from ocs.client.operations import account, bundle, charging
from ocs.demo import figures
from ocs.demo.caller import Caller
from ocs.demo.people import EURO, MIB, SHARED_DATA, Line, Persona
from ocs.demo.price_book import PEAK_END_HOUR

_AT_SEA: Final = "90112"  # a ship's network: the tariff has no price there
_ABROAD: Final = ("20801", "22201", "31026", "31026", "50501")
_NUMBERS: Final = ("4915199887766", "493012345678", "33612345678", "12125550123")
_NUMBER_WEIGHTS: Final = (60, 25, 10, 5)
_UNANSWERED_SHARE: Final = 0.1
_TRY_AGAIN_SHARE: Final = 0.6
_LATE_AT_ONCE_MAX: Final = 3
_THINK_S: Final = 0.4
_REFUSED_S: Final = 1.5
_CAPPED_S: Final = 6.0
_FAILED_S: Final = 1.0
_BOUGHT_S: Final = 5.0
_FRIDAY: Final = 4

Activity = Callable[["Traffic", Line], Awaitable[None]]


@dataclass(slots=True)
class _Session:
    """A charging session of one line: one service, reports in order."""

    line: Line
    service_id: str
    requested_units: int
    other_party: str = ""
    visited_network: str = ""
    session_id: str = ""
    sequence_number: int = 0

    def __post_init__(self) -> None:
        self.session_id = uuid.uuid4().hex

    def next_number(self) -> int:
        """The number of the next report."""
        self.sequence_number += 1
        return self.sequence_number


class Traffic:
    """The lines of one gateway at work."""

    def __init__(self, caller: Caller, tasks: asyncio.TaskGroup) -> None:
        self._caller = caller
        self._rng = caller.rng
        self._tasks = tasks
        self._late_count = 0
        self._bought: dict[str, float] = {}
        self._renewals: dict[str, BundleRenewal] = {}

    async def live(self, line: Line) -> None:
        """Let a line do what its persona does until the gateway stops."""
        activities, weights = zip(*_HABITS[line.persona], strict=True)
        await self._caller.pause(_THINK_S)
        while not self._caller.stopping.is_set():
            (activity,) = self._rng.choices(activities, weights)
            await self._guarded(activity(self, line))
            await self._caller.pause(_THINK_S)

    async def _guarded(self, done: Awaitable[None]) -> None:
        try:
            await done
        except OcsError as error:
            self._caller.tally.failed(error)
            self._caller.note(f"a call failed: {error}")
            await self._caller.wait(_FAILED_S)

    # --------------------------------------------------------------------------- activities

    async def browse(self, line: Line) -> None:
        """A data session: a few grants of tens of MiB, each reported before the next."""
        session = _Session(line, "data", self._rng.randint(24, 96) * MIB)
        await self._run(session, reports=self._rng.randint(2, 6))

    async def measure(self, line: Line) -> None:
        """A meter's data session: small and short."""
        session = _Session(line, "data", self._rng.randint(256, 4096) * 1024)
        await self._run(session, reports=self._rng.randint(0, 2))

    async def roam(self, line: Line) -> None:
        """A data session in a visited network."""
        network = self._rng.choice(_ABROAD)
        session = _Session(line, "data", self._rng.randint(4, 16) * MIB, visited_network=network)
        await self._run(session, reports=self._rng.randint(1, 3))

    async def sail(self, line: Line) -> None:
        """A data session where the tariff has no price: refused, never free."""
        await self._run(_Session(line, "data", MIB, visited_network=_AT_SEA), reports=0)

    async def call(self, line: Line) -> None:
        """A voice call: minutes granted in turns; one in ten is not answered."""
        (number,) = self._rng.choices(_NUMBERS, _NUMBER_WEIGHTS)
        session = _Session(line, "voice", 120, other_party=number)
        if self._rng.random() < _UNANSWERED_SHARE:
            grant = await self._reserve(session)
            if grant.granted:
                release = charging.release(grant.reservation)
                await self._caller.charge(session.service_id, release)
        else:
            await self._run(session, reports=self._rng.randint(0, 3))

    async def message(self, line: Line) -> None:
        """An SMS: charged at once, or refused."""
        (number,) = self._rng.choices(_NUMBERS, _NUMBER_WEIGHTS)
        await self._authorize(line, "sms", other_party=number)

    async def activate(self, line: Line, *, paced: bool = True) -> None:
        """A new eSIM: its one-off fee."""
        if await self._authorize(line, "esim_activation", paced=paced):
            self._caller.note(f"{line.name}: eSIM activated, 5.00 {self._caller.operator.currency}")

    async def be_reported(self, line: Line) -> None:
        """A visited network's record of a call that happened: charged as far as money goes."""
        debit = charging.debit(
            identity=line.msisdn,
            service_id="voice",
            used_units=self._rng.randint(1, 3) * 60,
            basis=Basis.USED,
            visited_network="31026",
            event_time=datetime.now(UTC) - timedelta(minutes=self._rng.randint(1, 600)),
        )
        result = await self._caller.charge("voice", debit)
        if result.charge.uncollected_micros:
            await self._dry(line)

    async def be_reported_over_the_peak(self, line: Line) -> None:
        """A record of a call that began at the peak's price and ended at the other."""
        before_s, after_s = self._rng.randint(20, 59), self._rng.randint(20, 59)
        debit = charging.debit(
            identity=line.msisdn,
            service_id="voice",
            used_units=before_s + after_s,
            basis=Basis.USED,
            other_party=_NUMBERS[0],
            event_time=_last_peak_end(self._caller.operator.time_zone)
            - timedelta(seconds=before_s),
        )
        result = await self._caller.charge("voice", debit)
        self._caller.tally.counts["split_calls"] += 1
        cost = self._caller.money(result.charge.charged_micros)
        self._caller.note(
            f"{line.name}: {before_s} s at the peak's price, {after_s} s after: {cost}"
        )
        if result.charge.uncollected_micros:
            await self._dry(line)

    async def come_back_late(self, line: Line) -> None:
        """A session whose gateway goes silent and reports only once the hold has lapsed."""
        if self._late_count >= _LATE_AT_ONCE_MAX:
            return
        session = _Session(line, "data", 8 * MIB)
        grant = await self._reserve(session, validity=timedelta(seconds=1))
        if grant.granted:
            self._late_count += 1
            self._tasks.create_task(self._guarded(self._report_late(session, grant)))

    async def _report_late(self, session: _Session, grant: GrantResult) -> None:
        try:
            if grant.expire_time is not None:
                left = grant.expire_time - datetime.now(UTC)
                await self._caller.wait(left.total_seconds() + 0.5)
            used = self._used(grant)
            commit = charging.commit(grant.reservation, used, sequence_number=session.next_number())
            result = await self._caller.charge(session.service_id, commit)
            if result.charge.late:
                paid = self._caller.money(result.charge.charged_micros)
                self._caller.note(f"{session.line.name}: reported late, still charged {paid}")
        finally:
            self._late_count -= 1

    # ----------------------------------------------------------------------------- sessions

    async def _run(self, session: _Session, *, reports: int) -> None:
        """Reserve, report with a next grant so many times, close with the last use."""
        grant = await self._reserve(session)
        if not grant.granted:
            return
        reservation = grant.reservation
        for _ in range(reports):
            if grant.final_grant or self._caller.stopping.is_set():
                break
            commit = charging.commit(
                reservation,
                self._used(grant),
                next_grant=NextGrant(session.requested_units),
                sequence_number=session.next_number(),
            )
            result = await self._caller.charge(session.service_id, commit)
            reservation = result.reservation
            await self._charged(session.line, session.service_id, result.charge)
            assert result.grant is not None  # a next grant was asked for
            grant = result.grant
            self._granted(grant)
            if not grant.granted:
                release = charging.release(reservation)
                await self._caller.charge(session.service_id, release)
                await self._refused(session.line, grant.outcome, grant.cap)
                return
        commit = charging.commit(
            reservation, self._used(grant), sequence_number=session.next_number()
        )
        result = await self._caller.charge(session.service_id, commit)
        await self._charged(session.line, session.service_id, result.charge)

    async def _reserve(self, session: _Session, validity: timedelta | None = None) -> GrantResult:
        line = session.line
        reserve = charging.reserve(
            identity=line.imsi if session.service_id == "data" else line.msisdn,
            service_id=session.service_id,
            requested_units=session.requested_units,
            session_id=session.session_id,
            sequence_number=session.next_number(),
            other_party=session.other_party,
            visited_network=session.visited_network,
            validity=validity,
        )
        grant = await self._caller.charge(session.service_id, reserve)
        if not grant.granted:
            await self._refused(line, grant.outcome, grant.cap)
        self._granted(grant)
        return grant

    def _granted(self, grant: GrantResult) -> None:
        """Count a grant that ends because its price does."""
        self._caller.tally.counts["cut_grants"] += grant.tariff_change_time is not None

    def _used(self, grant: GrantResult) -> int:
        """Most of a grant; a little more than all of a final one, for gateways overshoot."""
        low, high = (1.0, 1.03) if grant.final_grant else (0.6, 1.0)
        return max(1, int(grant.granted_units * self._rng.uniform(low, high)))

    async def _authorize(
        self, line: Line, service_id: str, *, other_party: str = "", paced: bool = True
    ) -> bool:
        debit = charging.debit(
            identity=line.msisdn,
            service_id=service_id,
            used_units=1,
            basis=Basis.AUTHORIZE,
            other_party=other_party,
        )
        result = await self._caller.charge(service_id, debit, paced=paced)
        if not result.charged:
            await self._refused(line, result.outcome, result.cap)
        return result.charged

    # -------------------------------------------------------------------------------- money

    async def _refused(self, line: Line, outcome: Outcome, cap: CapReached | None) -> None:
        if outcome is Outcome.CREDIT_LIMIT_REACHED:
            await self._dry(line)
        elif outcome is Outcome.SPENDING_CAP_REACHED and cap is not None:
            until = f", until {figures.local_time(cap.reset_time)}" if cap.reset_time else ""
            self._caller.note(f"{line.name}: spending cap {cap.cap_id} reached{until}")
            await self._caller.pause(_CAPPED_S)
        else:
            self._caller.note(f"{line.name}: refused, {outcome}")
            await self._caller.pause(_REFUSED_S)

    async def _dry(self, line: Line) -> None:
        """No money: the careless try again for a while before they top up."""
        if line.persona is Persona.RUNS_DRY:
            await self._caller.pause(_REFUSED_S)
            if self._rng.random() < _TRY_AGAIN_SHARE or self._caller.stopping.is_set():
                return
            micros = self._rng.randint(2, 6) * EURO
        else:
            micros = self._rng.choice((10, 15, 20)) * EURO
        top_up = account.top_up(
            line.account_id,
            payment_reference=uuid.uuid4().hex,
            micros=micros,
            currency=self._caller.operator.currency,
        )
        await self._caller.keep(top_up)
        self._caller.tally.topped_up(micros)
        self._caller.note(f"{line.name}: out of money, topped up {self._caller.money(micros)}")

    async def _charged(self, line: Line, service_id: str, charge: Charge) -> None:
        """A family whose data is paid from money has used up what it shares: buy more."""
        if line.persona is not Persona.FAMILY or service_id != "data":
            return
        if charge.charged_micros == 0 or self._caller.stopping.is_set():
            return
        # The other lines still hold money from before: that is no reason to buy again.
        now = time.monotonic()
        if now - self._bought.get(line.account_id, -_BOUGHT_S) >= _BOUGHT_S:
            self._bought[line.account_id] = now
            await self.buy_shared_data(line.account_id, renew=False)

    async def buy_shared_data(self, account_id: str, *, renew: bool) -> None:
        """Buy a family's bundle, whose data all its lines share; renew: and again at its end."""
        bought = await self._caller.keep(
            bundle.purchase_bundle(account_id, SHARED_DATA, renew=renew)
        )
        if not bought.bought:
            self._caller.note(f"{account_id}: no bundle {SHARED_DATA}, {bought.outcome}")
            return
        self._caller.tally.counts["bundles"] += 1
        price = self._caller.money(bought.charged_micros)
        more = "" if renew else " once more"
        self._caller.note(f"{account_id}: bundle {SHARED_DATA} bought{more}, {price}")

    async def look_at_bundles(self, line: Line) -> None:
        """See in an app what renews; the service renews by itself, so it may have since."""
        found = await self._caller.client.send(bundle.list_bundles(line.account_id))
        for renewal in found.renewals:
            before = self._renewals.get(line.account_id, renewal)
            self._renewals[line.account_id] = renewal
            if renewal.failed_tries > before.failed_tries:
                self._caller.note(f"{line.account_id}: no money to renew {renewal.bundle_id}")
            elif renewal.renewals_left < before.renewals_left and renewal.expire_time:
                self._caller.tally.counts["renewals"] += (
                    before.renewals_left - renewal.renewals_left
                )
                until = figures.local_time(renewal.expire_time)
                self._caller.note(f"{line.account_id}: {renewal.bundle_id} renewed, until {until}")


def _last_peak_end(time_zone: str) -> datetime:
    """When the peak last ended: on a weekday, by the clock of the tariff."""
    now = datetime.now(ZoneInfo(time_zone))
    end = now.replace(hour=PEAK_END_HOUR, minute=0, second=0, microsecond=0)
    while end > now - timedelta(minutes=2) or end.weekday() > _FRIDAY:
        end -= timedelta(days=1)
    return end


_HABITS: Final[dict[Persona, tuple[tuple[Activity, float], ...]]] = {
    Persona.COMMUTER: (
        (Traffic.browse, 6), (Traffic.call, 3), (Traffic.message, 3), (Traffic.activate, 0.03),
        (Traffic.come_back_late, 0.15),
    ),
    Persona.TALKER: (
        (Traffic.call, 8), (Traffic.message, 3), (Traffic.browse, 1),
        (Traffic.be_reported_over_the_peak, 0.5),
    ),
    Persona.FAMILY: (
        (Traffic.browse, 6), (Traffic.call, 2), (Traffic.message, 3), (Traffic.activate, 0.02),
        (Traffic.look_at_bundles, 1),
    ),
    Persona.CAPPED: ((Traffic.browse, 5), (Traffic.call, 3), (Traffic.message, 3)),
    Persona.ROAMER: (
        (Traffic.roam, 5), (Traffic.call, 1), (Traffic.message, 2), (Traffic.be_reported, 1),
        (Traffic.sail, 0.3), (Traffic.come_back_late, 0.2),
    ),
    Persona.RUNS_DRY: ((Traffic.browse, 5), (Traffic.call, 3), (Traffic.message, 3)),
    Persona.METER: ((Traffic.measure, 8), (Traffic.message, 1), (Traffic.call, 0.1)),
}  # fmt: skip
