"""One version of the tariff: what a plan offers, where a call goes, and what it costs there.

`parse_tariff` (tariff_document.py) builds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ocs.domain.bundle import Bundle
from ocs.domain.tariff_line import Lines
from ocs.domain.tariff_price import Wholesale
from ocs.domain.units import Unit

# Where use is priced that neither a visited network nor the other party moves elsewhere.
HOME_ZONE: Final = ""
# How a document and the path of a price call it.
HOME_WORD: Final = "home"
_MCC_DIGITS: Final = 3
# The table of all numbers' first digits grows with the prefixes, by this factor at most, and ends
# at 100,000 entries.
_HEAD_DIGITS_MAX: Final = 5
_HEADS_PER_PREFIX: Final = 16


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
        self._lengths = tuple(sorted(set(map(len, prefixes)), reverse=True))
        self._head = min(
            _HEAD_DIGITS_MAX,
            self._lengths[0] if self._lengths else 0,
            len(str(_HEADS_PER_PREFIX * len(prefixes))) - 1,
        )
        self._heads = self._by_head()
        self._unknown = (HOME_ZONE, self._lengths)
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
        if not other_party:
            return HOME_ZONE
        zone, lengths = self._heads.get(other_party[: self._head], self._unknown)
        for length in lengths:
            # Of a number that is shorter this is the whole, which a shorter length finds too.
            longer = self._prefixes.get(other_party[:length])
            if longer is not None:
                return longer
        return zone

    def _by_head(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """By a number's first digits: its zone, but for longer prefixes of these lengths.

        However many prefixes there are, most numbers are found at once; a number shorter than that
        tries all lengths.
        """
        longer: dict[str, set[int]] = {}
        for prefix in self._prefixes:
            if len(prefix) > self._head:
                longer.setdefault(prefix[: self._head], set()).add(len(prefix))
        lengths = {head: tuple(sorted(found, reverse=True)) for head, found in longer.items()}
        zones = {"": HOME_ZONE}
        for _ in range(self._head):
            zones = {
                (number := head + digit): self._prefixes.get(number, zone)
                for head, zone in zones.items()
                for digit in "0123456789"
            }
        # Few of them differ: the same tuple stands in many places.
        shared: dict[tuple[str, tuple[int, ...]], tuple[str, tuple[int, ...]]] = {}
        found = {}
        for head, zone in zones.items():
            entry = (zone, lengths.get(head, ()))
            found[head] = shared.setdefault(entry, entry)
        return found


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
    lines: Mapping[tuple[str, str], Lines]
    wholesale: Mapping[str, Wholesale] = field(default_factory=dict)
    bundles: Mapping[str, Bundle] = field(default_factory=dict)

    def zone(self, other_party: str, visited_network: str) -> str | None:
        """Return the zone of a place, as `ZoneMap.zone`."""
        return self.zones.zone(other_party, visited_network)
