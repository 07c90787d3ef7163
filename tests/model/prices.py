"""Sessions whose price changes while they run, and prices that go by an account's use."""

from typing import TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ocs.domain.answer import Answer, Outcome
from ocs.domain.commands import Basis, Commit, Debit, GrantWish, Pieces, Reserve, SetSpendingCap
from ocs.domain.periods import Period
from ocs.domain.reservation import ServiceTerms, Step
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX
from tests.model.pair import TENANT
from tests.model.passage import Passage
from tests.model.pools import PRICED, TIER_DATA, TIER_VOICE, accounts, modest_wishes, sessions

# Which of the lines price something; 7: the one before, or none.
lines = st.integers(0, 7)
# When the price changes: not at all, long ago, soon, much later.
changes = st.sampled_from([0, 0, -5, 1, 700, 20_000, 90_000, 3_600_000])
# A report of use in pieces, by line; none: all of it by the price it was granted by.
pieces = st.lists(
    st.tuples(st.one_of(st.integers(0, 90), st.just(2**52)), lines), min_size=0, max_size=4
)
reports = st.tuples(
    pieces,
    st.integers(0, 200),
    st.sampled_from([Step.KEEP, Step.NEXT_GRANT, Step.NEXT_GRANT, Step.CLOSE]),
    modest_wishes,
    st.sampled_from([0, 0, 1_000, 45_000, 200_000]),
    st.tuples(lines, changes, lines),
    st.sampled_from([None] * 16 + [Outcome.RATING_FAILED, Outcome.GRANT_MAX_EXCEEDED]),
)
Report: TypeAlias = tuple[
    list[tuple[int, int]], int, Step, GrantWish, int, tuple[int, int, int], Outcome | None
]
places = st.sampled_from(sorted(PRICED))


def _line(place: tuple[str, str], pick: int) -> ServiceTerms | None:
    known = PRICED[place]
    return known[pick] if pick < len(known) else None


def _pieces(place: tuple[str, str], drawn: list[tuple[int, int]]) -> Pieces:
    return tuple((units, _line(place, pick)) for units, pick in drawn if units > 0)


class Prices(Passage):
    """Drives sessions over price changes."""

    @rule(
        account=accounts,
        tier=st.sampled_from([(TIER_DATA, Unit.OCTETS), (TIER_VOICE, Unit.SECONDS)]),
        period=st.sampled_from([Period.HOUR, Period.DAY, Period.MONTH]),
    )
    def count_tier(self, *, account: str, tier: tuple[str, Unit], period: Period) -> None:
        """Give an account the counter that a graduated price goes by."""
        cap = SpendingCap("account", *tier, QUANTITY_MAX, period, tier[0].partition("@")[2])
        self._run(SetSpendingCap(cap=cap, **self._call(account, ago=0)))

    @rule(
        account=accounts,
        place=places,
        wish=modest_wishes,
        first=st.tuples(st.integers(0, 3), changes, lines),
        reported=st.lists(reports, min_size=1, max_size=4),
        line=st.integers(0, 2),
    )
    def priced_session(
        self,
        *,
        account: str,
        place: tuple[str, str],
        wish: GrantWish,
        first: tuple[int, int, int],
        reported: list[Report],
        line: int,
    ) -> None:
        """Reserve at one price, report at others, until closed, refused or left open."""
        name = f"t{self.request_count}"
        pick, change, later = first
        known = sorted(self.pair.spec.accounts[(TENANT, account)].subscribers)
        answer = self._run(
            Reserve(
                profile=self._profile(account, known[line - 1] if 0 < line <= len(known) else ""),
                service_id=place[0],
                terms=PRICED[place][pick],
                refusal=None,
                wish=wish,
                reservation_id=name,
                session_id=name,
                change_ms=self._moment(change),
                later=_line(place, later),
                **self._call(account, ago=0),
            )
        )
        for report in reported:
            if answer.outcome is not Outcome.GRANTED and answer.outcome is not Outcome.CHARGED:
                return
            name = answer.reservation_id or name
            self._opened(account, name)
            answer = self._report_at(account, name, place, report)

    def _report_at(self, account: str, name: str, place: tuple[str, str], report: Report) -> Answer:
        """Report use at its prices, and perhaps ask for more at others."""
        drawn, used, step, wish, pause_ms, (pick, change, later), refusal = report
        self.pair.advance(pause_ms)
        split = _pieces(place, drawn)
        units = sum(units for units, _ in split)
        facts, profile = self._facts(account, name)
        return self._run(
            Commit(
                profile=profile,
                reservation=facts,
                reservation_id=name,
                used_units=min(units, QUANTITY_MAX) if split else used,
                pieces=split if units <= QUANTITY_MAX else (),
                step=step,
                wish=wish if step is Step.NEXT_GRANT else None,
                next_reservation_id=f"{name}x",
                terms=_line(place, pick),
                change_ms=self._moment(change),
                later=_line(place, later),
                grant_refusal=refusal,
                **self._call(account, ago=0),
            )
        )

    def _moment(self, change: int) -> int:
        return self.pair.now_ms + change if change else 0

    @precondition(lambda self: self.pair.spec.accounts)
    @rule(
        account=accounts,
        place=places,
        basis=st.sampled_from(list(Basis)),
        pick=st.integers(0, 3),
        drawn=pieces,
        used=st.integers(1, 400),
        session=sessions,
    )
    def priced_debit(
        self,
        *,
        account: str,
        place: tuple[str, str],
        basis: Basis,
        pick: int,
        drawn: list[tuple[int, int]],
        used: int,
        session: str,
    ) -> None:
        """Charge at once what more than one price is for."""
        split = _pieces(place, drawn)
        units = sum(units for units, _ in split)
        fits = 0 < units <= QUANTITY_MAX
        self._run(
            Debit(
                profile=self._profile(account, ""),
                service_id=place[0],
                terms=PRICED[place][pick],
                refusal=None,
                basis=basis,
                used_units=units if fits else used,
                pieces=split if fits else (),
                session_id=session,
                **self._call(account),
            )
        )
