"""One version of the tariff: what a plan offers, where a call goes, and what it costs there.

`parse_tariff` (tariff_document.py) builds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ocs.domain.tariff_line import Line
from ocs.domain.tariff_price import Wholesale
from ocs.domain.units import Unit

# Where use is priced that neither a visited network nor the other party moves elsewhere.
HOME_ZONE: Final = ""
# How a document and the path of a price call it.
HOME_WORD: Final = "home"
_MCC_DIGITS: Final = 3


class ZoneMap:
    """Zones by the other party's longest prefix and by the visited network.

    zones: those that some prefix or network is in.
    """

    def __init__(self, prefixes: Mapping[str, str], networks: Mapping[str, str]) -> None:
        """prefixes: zone of the numbers that begin so. networks: of a PLMN, or of a country (MCC).

        A line does not roam in the networks of HOME_ZONE.
        """
        self._prefixes = dict(prefixes)
        self._networks = dict(networks)
        # Only lengths that occur are tried, however many prefixes there are.
        self._lengths = tuple(sorted(set(map(len, prefixes)), reverse=True))
        self.zones = frozenset({*prefixes.values(), *networks.values()} - {HOME_ZONE})
        self.prefix_count = len(prefixes)
        self.network_count = len(networks)

    def zone(self, other_party: str, visited_network: str) -> str | None:
        """Return the zone: of the visited network when roaming, else of the other party.

        HOME_ZONE if neither says otherwise; None for a visited network that has no zone.
        """
        if visited_network:
            visited = self._networks.get(visited_network)
            if visited is None:
                visited = self._networks.get(visited_network[:_MCC_DIGITS])
            if visited != HOME_ZONE:
                return visited
        if other_party:
            prefixes = self._prefixes
            for length in self._lengths:
                # Of a number that is shorter this is the whole, which a shorter length finds too.
                zone = prefixes.get(other_party[:length])
                if zone is not None:
                    return zone
        return HOME_ZONE


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of the tariff, immutable.

    currency: ISO 4217; an account is charged by it only if it has the same. tax_included: whether
    its prices contain the tax. units: of each service. lines: by plan and service, then by zone;
    plans with the same prices have the same lines. wholesale: by the path of the retail price.
    """

    version: str
    currency: str
    tax_included: bool
    plans: Mapping[str, frozenset[str]]
    zones: ZoneMap
    units: Mapping[str, Unit]
    lines: Mapping[tuple[str, str], Mapping[str, Line]]
    wholesale: Mapping[str, Wholesale] = field(default_factory=dict)

    def offers(self, plan: str, service_id: str) -> bool:
        """Say whether a plan is known and has a service."""
        return (plan, service_id) in self.lines

    def zone(self, other_party: str, visited_network: str) -> str | None:
        """Return the zone of a place, as `ZoneMap.zone`."""
        return self.zones.zone(other_party, visited_network)

    def line(self, plan: str, service_id: str, zone: str) -> Line | None:
        """Return what prices a plan's service in a zone."""
        lines = self.lines.get((plan, service_id))
        return lines.get(zone) if lines is not None else None
