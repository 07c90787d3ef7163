"""Tariffs without a document: one plan, priced at home."""

from collections.abc import Iterable

from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import Tariff, ZoneMap
from ocs.domain.tariff_line import Line, Variant

PLAN = "everything"


def tariff_of(version: str, terms: Iterable[ServiceTerms]) -> Tariff:
    """One version, in EUR; a line for each service, in its zone."""
    listed = list(terms)
    return Tariff(
        version=version,
        currency="EUR",
        tax_included=True,
        plans={PLAN: frozenset(one.service_id for one in listed)},
        zones=ZoneMap({}, {}),
        units={one.service_id: one.unit for one in listed},
        lines={(PLAN, one.service_id): {one.zone: Line([Variant(0, one)])} for one in listed},
    )
