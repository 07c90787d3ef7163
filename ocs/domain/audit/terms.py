"""Reads the raw terms that some events carry. A malformed one raises ValueError."""

from typing import NamedTuple

from ocs.domain.bucket import BucketTerms
from ocs.domain.charging_event import ChargingEvent
from ocs.domain.spending_cap import SpendingCap, read_period
from ocs.domain.units import Unit


class OpeningTerms(NamedTuple):
    """What CREATE_ACCOUNT says of the account. credit_limit: micro-units."""

    currency: str
    anchor_day: int
    credit_limit: int


class ClosingTotals(NamedTuple):
    """What BUCKET_CLOSED says went through the bucket."""

    credited: int
    spent: int
    expired: int
    withdrawn: int


def fields_of(event: ChargingEvent, letter: str) -> tuple[str, ...] | None:
    """Return the fields of a terms token; None if the event has none."""
    found = [fields for kind, *fields in event.terms if kind == letter]
    return tuple(found[0]) if found else None


def all_fields_of(event: ChargingEvent, letter: str) -> list[tuple[str, ...]]:
    """Return the fields of every terms token of a letter."""
    return [tuple(fields) for kind, *fields in event.terms if kind == letter]


def opening_terms(fields: tuple[str, ...]) -> OpeningTerms:
    """Read `a`."""
    currency, anchor_day, credit_limit = fields
    return OpeningTerms(currency, int(anchor_day), int(credit_limit))


def bucket_terms(fields: tuple[str, ...]) -> BucketTerms:
    """Read `t`."""
    unit, priority, start_ms, expire_ms, blocking, services, zones = fields
    return BucketTerms(
        Unit(unit),
        int(priority),
        int(start_ms),
        int(expire_ms),
        blocking == "1",
        _ids(services),
        _ids(zones),
    )


def closing_totals(fields: tuple[str, ...]) -> ClosingTotals:
    """Read `z`."""
    credited, spent, expired, withdrawn = map(int, fields)
    return ClosingTotals(credited, spent, expired, withdrawn)


def spending_cap(fields: tuple[str, ...]) -> SpendingCap:
    """Read `q`."""
    holder, cap_id, unit, limit, period_text, service_id, zone = fields
    period, window = read_period(period_text)
    return SpendingCap(
        holder, cap_id, Unit(unit), int(limit), period, _text(service_id), _text(zone), window
    )


def _ids(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


def _text(field: str) -> str:
    return "" if field == "-" else field
