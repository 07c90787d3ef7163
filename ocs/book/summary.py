"""A tariff in a few figures, for whoever has written it."""

from typing import TypedDict

from ocs.domain.tariff import Tariff


class PlanSummary(TypedDict):
    """A plan. price_count: lines that price it, calendar entries and dated changes apart."""

    plan: str
    services: list[str]
    price_count: int


class TariffSummary(TypedDict):
    """What a tariff says, in JSON's terms; ids in alphabetical order."""

    version: str
    currency: str
    tax_included: bool
    services: list[str]
    zones: list[str]
    prefix_count: int
    network_count: int
    partners: list[str]
    plans: list[PlanSummary]


def summary_of(tariff: Tariff) -> TariffSummary:
    """Sum a tariff up."""
    return TariffSummary(
        version=tariff.version,
        currency=tariff.currency,
        tax_included=tariff.tax_included,
        services=sorted(tariff.units),
        zones=sorted(tariff.zones.zones),
        prefix_count=tariff.zones.prefix_count,
        network_count=tariff.zones.network_count,
        partners=sorted({wholesale.partner for wholesale in tariff.wholesale.values()}),
        plans=[
            PlanSummary(plan=plan, services=sorted(services), price_count=_prices(tariff, plan))
            for plan, services in sorted(tariff.plans.items())
        ],
    )


def _prices(tariff: Tariff, plan: str) -> int:
    return sum(len(tariff.lines[plan, service]) for service in tariff.plans[plan])
