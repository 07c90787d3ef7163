"""What two versions of a tariff price differently, told by a few sample uses."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from ocs.domain.price_function import connect_due
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import HOME_ZONE, Tariff
from ocs.domain.tariff_line import Line
from ocs.domain.units import Unit

# One that a minimum, an increment, a step or a package shows; and an ordinary one.
SAMPLES: Final = {
    Unit.SECONDS: (1, 61, 600, 3_600),
    Unit.OCTETS: (1, 2**20, 2**30, 100 * 2**30),
    Unit.COUNT: (1, 10, 1_000),
}


class Difference(NamedTuple):
    """A sample that costs another sum, or is priced by one version only.

    price_id_before, price_id_after: empty, and micros_before, micros_after: None, where there is no
    price.
    """

    plan: str
    service_id: str
    zone: str
    price_id_before: str
    price_id_after: str
    used_units: int
    micros_before: int | None
    micros_after: int | None


def differences(before: Tariff, after: Tariff) -> Iterator[Difference]:
    """Compare two versions, plan by plan.

    The variants of a line are compared by what they are called in it: by default, during an entry
    of the calendar, from a day on.
    """
    for plan, service_id in sorted({*before.lines, *after.lines}):
        old = before.lines.get((plan, service_id), {})
        new = after.lines.get((plan, service_id), {})
        for zone in sorted({zone or HOME_ZONE for zone in (*old, *new)}):
            olds, news = _variants(old.get(zone)), _variants(new.get(zone))
            for name in dict.fromkeys((*olds, *news)):
                for used, old_cost, new_cost in _samples(olds.get(name), news.get(name)):
                    yield Difference(
                        plan,
                        service_id,
                        zone,
                        _id_of(olds.get(name)),
                        _id_of(news.get(name)),
                        used,
                        old_cost,
                        new_cost,
                    )


def _variants(line: Line | None) -> dict[str, ServiceTerms]:
    """The prices of a line, by calendar entry and day."""
    found: dict[str, ServiceTerms] = {}
    for variant in line.variants if line is not None else ():
        since = f"@{variant.start_ms}" if variant.start_ms else ""
        found[since] = variant.terms
        found |= {f"{entry}{since}": terms for entry, terms in variant.by_entry.items()}
    return found


def _samples(
    before: ServiceTerms | None, after: ServiceTerms | None
) -> Iterator[tuple[int, int | None, int | None]]:
    unit = (after or before).unit  # type: ignore[union-attr]  # one of them is there
    for used in SAMPLES[unit]:
        costs = _cost(before, unit, used), _cost(after, unit, used)
        if costs[0] != costs[1]:
            yield used, *costs


def _cost(terms: ServiceTerms | None, unit: Unit, used: int) -> int | None:
    """What a session of so many units costs; None: there is no price, or none that is counted."""
    if terms is None or terms.unit is not unit:
        return None
    rated = terms.rate.round_up(used)
    cost = terms.rate.cost(rated) if rated is not None else None
    return cost + connect_due(terms.rate, 0, used) if cost is not None else None


def _id_of(terms: ServiceTerms | None) -> str:
    return terms.price_id if terms is not None else ""
