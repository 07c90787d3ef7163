"""What the tables keep of a tariff: units of services, wholesale prices compiled to steps."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ocs.domain.tariff import Tariff
from ocs.limits import QUANTITY_MAX

# Behind what any position may be.
_NO_END: Final = 2 * QUANTITY_MAX


def metered_rows(tenant: str, version: str, tariff: Tariff) -> Iterator[Mapping[str, Any]]:
    """What each service is metered in."""
    for service, unit in tariff.units.items():
        yield {"tenant": tenant, "version": version, "service": service, "unit": str(unit)}


def wholesale_rows(tenant: str, version: str, tariff: Tariff) -> Iterator[Mapping[str, Any]]:
    """A row for each step of each wholesale price."""
    for price_id, wholesale in tariff.wholesale.items():
        steps = wholesale.rate.steps
        ends = [*(step.start for step in steps[1:]), _NO_END]
        for number, (step, end) in enumerate(zip(steps, ends, strict=True)):
            yield {
                "tenant": tenant,
                "version": version,
                "price_id": price_id,
                "partner": wholesale.partner,
                "currency": wholesale.currency,
                "step": number,
                "start_units": step.start,
                "end_units": end,
                "increment": step.increment,
                "num": step.num,
                "den": step.den,
                "base": step.base,
                "rest": step.rest,
            }
