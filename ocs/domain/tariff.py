"""One version of the tariff: what a plan offers, where a call goes, and what it costs there.

One price per service and zone. `parse_tariff` (tariff_document.py) builds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ocs.domain.reservation import ServiceTerms

# Where use is priced that neither a visited network nor the other party moves elsewhere.
HOME_ZONE: Final = ""
_MCC_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of the tariff; built by `parse_tariff`, immutable.

    currency: ISO 4217; an account is charged by it only if it has the same. plans: the services of
    each plan. prefixes: zone of the numbers that begin so. networks: zone of a network by PLMN or
    by its country (MCC); a line does not roam in those of HOME_ZONE. terms_by_zone: terms by
    (service_id, zone). prefix_digits_max: of the longest prefix.
    """

    version: str
    currency: str
    plans: Mapping[str, frozenset[str]]
    prefixes: Mapping[str, str]
    networks: Mapping[str, str]
    terms_by_zone: Mapping[tuple[str, str], ServiceTerms]
    prefix_digits_max: int

    def offers(self, plan: str, service_id: str) -> bool:
        """Say whether a plan is known and has a service."""
        offered = self.plans.get(plan)
        return offered is not None and service_id in offered

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
