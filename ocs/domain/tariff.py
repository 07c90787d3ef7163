"""The price book: which services a plan offers, where a call goes, and what it costs there.

A small tariff: one price per service and zone. `parse_tariff` (tariff_document.py) builds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ocs.domain.answer import Outcome
from ocs.domain.bundle import Bundle
from ocs.domain.reservation import ServiceTerms

# Where use is priced that neither a visited network nor the other party moves elsewhere.
HOME_ZONE: Final = ""
_MCC_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of the price book; built by `parse_tariff`, immutable.

    currency: ISO 4217; an account is charged by it only if it has the same. plans: the services of
    each plan. prefixes: zone of the numbers that begin so. networks: zone of a network by PLMN or
    by its country (MCC); a line does not roam in those of HOME_ZONE. terms_by_zone: terms by
    (service_id, zone). prefix_digits_max: of the longest prefix. bundles: by id.
    """

    version: str
    currency: str
    plans: Mapping[str, frozenset[str]]
    prefixes: Mapping[str, str]
    networks: Mapping[str, str]
    terms_by_zone: Mapping[tuple[str, str], ServiceTerms]
    prefix_digits_max: int
    bundles: Mapping[str, Bundle] = field(default_factory=dict)

    def terms(
        self, plan: str, service_id: str, other_party: str, visited_network: str
    ) -> ServiceTerms | Outcome:
        """Return how the service is metered and priced, or the outcome that refuses it.

        other_party: E.164 digits or empty. visited_network: PLMN digits or empty. The same object
        comes back for the same plan, service and zone. SERVICE_DENIED: the plan is unknown or
        lacks the service. RATING_FAILED: no price there; nothing is free by accident.
        """
        offered = self.plans.get(plan)
        if offered is None or service_id not in offered:
            return Outcome.SERVICE_DENIED
        zone = self.zone(other_party, visited_network)
        if zone is None:
            return Outcome.RATING_FAILED
        return self.terms_by_zone.get((service_id, zone), Outcome.RATING_FAILED)

    def zone(self, other_party: str, visited_network: str) -> str | None:
        """Return the zone: of the visited network when roaming, else of the other party.

        HOME_ZONE if neither says otherwise; None for a visited network that has no zone.
        """
        if visited_network:
            visited = self.networks.get(visited_network)
            if visited is None:
                visited = self.networks.get(visited_network[:_MCC_DIGITS])
            if visited != HOME_ZONE:
                return visited
        for length in range(min(len(other_party), self.prefix_digits_max), 0, -1):
            zone = self.prefixes.get(other_party[:length])
            if zone is not None:
                return zone
        return HOME_ZONE
