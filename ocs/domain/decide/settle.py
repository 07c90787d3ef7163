"""Settlement: used units are charged to what is held first, then as far as the money goes (P8)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ocs.domain.allocation import Segment, Source, allocate, cost_between, fee_in, reached
from ocs.domain.answer import Payment
from ocs.domain.decide.grant import CapInForce, sources_for
from ocs.domain.decide.turn import Turn
from ocs.domain.price_function import PriceFunction
from ocs.domain.reservation import CapLine, Hold, ServiceTerms
from ocs.domain.units import Unit


@dataclass(slots=True)
class Settlement:
    """What a stretch [start, end) cost, and who paid. connect_micros: the fee that was due."""

    price: PriceFunction
    start: int
    end: int
    connect_micros: int = 0
    segments: list[Segment] = field(default_factory=list)
    uncollected_units: int = 0
    uncollected_micros: int = 0
    remaining: Hold | None = None
    # By cap, what its hold line already counted, whether or not the counter had rolled.
    counted: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def charged_micros(self) -> int:
        """Money collected."""
        return sum(s.quantity for s in self.segments if s.source.money)

    def payments(self) -> tuple[Payment, ...]:
        """Who paid, in order, a bucket that paid twice merged into its first line."""
        merged: dict[str, Payment] = {}
        for segment in self.segments:
            bucket_id = segment.source.bucket_id
            old = merged.get(bucket_id, Payment(bucket_id, 0, 0))
            merged[bucket_id] = Payment(
                bucket_id,
                old.units + segment.end - segment.start,
                old.micros + (segment.quantity if segment.source.money else 0),
            )
        return tuple(merged.values())


def stretches_of(segments: Sequence[Segment]) -> list[tuple[str, int]]:
    """Say who paid for which stretch, if a bucket paid for two of them; else payments say it."""
    runs: list[tuple[str, int]] = []
    for segment in segments:
        bucket_id, units = segment.source.bucket_id, segment.end - segment.start
        if units > 0 and runs and runs[-1][0] == bucket_id:
            runs[-1] = (bucket_id, runs[-1][1] + units)
        elif units > 0:
            runs.append((bucket_id, units))
    return runs if len(runs) > len(dict(runs)) else []


def settle_hold(turn: Turn, hold: Hold, settlement: Settlement, *, keep: bool) -> None:
    """Charge the stretch to the held lines; give the rest back unless it is kept.

    A line counts in its own period: if the counter has moved on, no counter changes.
    """
    buckets = turn.state.buckets
    sources = [
        Source(bucket_id, buckets[bucket_id].terms.unit is Unit.MICROS, quantity)
        for bucket_id, quantity in hold.lines
    ]
    settlement.segments = allocate(
        settlement.price,
        settlement.start,
        settlement.end,
        sources,
        settlement.connect_micros,
        from_hold=True,
    )
    taken = {s.source.bucket_id: s.quantity for s in settlement.segments}
    lines = []
    for bucket_id, quantity in hold.lines:
        paid = taken.get(bucket_id, 0)
        turn.hold(bucket_id, -(paid if keep else quantity))
        turn.pay(bucket_id, paid)
        if keep and quantity > paid:
            lines.append((bucket_id, quantity - paid))
    cap_lines = _settle_cap_lines(turn, hold, settlement, keep=keep)
    if keep:
        settlement.remaining = Hold(hold.expire_ms, 0, tuple(lines), cap_lines)


def _settle_cap_lines(
    turn: Turn, hold: Hold, settlement: Settlement, *, keep: bool
) -> tuple[CapLine, ...]:
    units = reached(settlement.segments, settlement.start) - settlement.start
    money = settlement.charged_micros
    rest = []
    for line in hold.cap_lines:
        key = (line.holder, line.cap_id)
        paid = money if turn.state.caps[key].unit is Unit.MICROS else units
        used = min(line.quantity, paid)
        settlement.counted[key] = used
        if turn.counts_in(key, line.period_start_ms):
            back = used if keep else line.quantity
            turn.count(key, line.period_start_ms, spent=used, held=-back)
        if keep and line.quantity > used:
            rest.append(
                CapLine(line.holder, line.cap_id, line.period_start_ms, line.quantity - used)
            )
    return tuple(rest)


def settle_available(
    turn: Turn, terms: ServiceTerms, settlement: Settlement, caps: Sequence[CapInForce]
) -> None:
    """Charge what no hold covered from what is available; the rest is uncollected.

    Caps do not refuse it: use that happened counts when it is charged. Money caps count what was
    collected, unit caps all that was used.
    """
    price = settlement.price
    at = reached(settlement.segments, settlement.start)
    fee = settlement.connect_micros - fee_in(settlement.segments)
    if at < settlement.end or fee > 0:
        segments = allocate(price, at, settlement.end, sources_for(turn, terms), fee)
        for segment in segments:
            turn.pay(segment.source.bucket_id, segment.quantity)
        settlement.segments += segments
        at = reached(settlement.segments, settlement.start)
    settlement.uncollected_units = settlement.end - at
    fee = settlement.connect_micros - fee_in(settlement.segments)
    settlement.uncollected_micros = fee + cost_between(price, at, settlement.end)
    for cap in caps:
        if cap.bounds is None:
            continue
        key = (cap.cap.holder, cap.cap.cap_id)
        money = cap.cap.unit is Unit.MICROS
        total = settlement.charged_micros if money else settlement.end - settlement.start
        extra = total - settlement.counted.get(key, 0)
        if extra > 0:
            turn.count(key, cap.bounds.start_ms, spent=extra, held=0)
