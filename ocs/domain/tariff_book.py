"""The price book: all versions of the tariff that a server knows, and when each begins to price."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from ocs.domain.answer import Outcome
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_line import Lines, PriceInForce, sooner

__all__ = ["PriceInForce", "TariffBook", "TariffVersion"]


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """A version, and from when on it prices what happens; the first one prices what is older."""

    activate_ms: int
    tariff: Tariff


class TariffBook:
    """Immutable: a server that learns of a version replaces its book as a whole."""

    def __init__(self, versions: Sequence[TariffVersion]) -> None:
        """versions: at least one; no two begin at the same moment."""
        self._versions = sorted(versions, key=attrgetter("activate_ms"))
        self._starts = [version.activate_ms for version in self._versions]
        self._taxed = {known.tariff.version: known.tariff.tax_included for known in self._versions}
        versions_but_last = (known.tariff.version for known in self._versions)
        self._followed = dict(zip(versions_but_last, self._starts[1:], strict=False))

    @classmethod
    def of(cls, tariff: Tariff) -> "TariffBook":
        """Build from one version, which prices everything."""
        return cls([TariffVersion(0, tariff)])

    def at(self, at_ms: int) -> Tariff:
        """Return the version that prices what happens at a moment."""
        return self._versions[self._index(at_ms)].tariff

    def version(self, version: str) -> Tariff | None:
        """Return a version by its name; None if the book does not hold it."""
        held = (known.tariff for known in self._versions)
        return next((tariff for tariff in held if tariff.version == version), None)

    def price(
        self, plan: str, service_id: str, other_party: str, visited_network: str, at_ms: int
    ) -> PriceInForce | Outcome:
        """Return how a service is metered and priced at a moment, or the outcome that refuses it.

        other_party: E.164 digits or empty. visited_network: PLMN digits or empty. SERVICE_DENIED:
        the plan is unknown or lacks the service. RATING_FAILED: no price there; nothing is free by
        accident.
        """
        index = self._index(at_ms)
        tariff = self._versions[index].tariff
        lines = tariff.lines.get((plan, service_id))
        if lines is None:
            return Outcome.SERVICE_DENIED
        zone = tariff.zones.zone(other_party, visited_network)
        return self._price(index, lines, zone, at_ms)

    def price_in_zone(
        self, plan: str, service_id: str, zone: str, at_ms: int
    ) -> PriceInForce | Outcome:
        """Return the same for a session that goes on in its zone."""
        index = self._index(at_ms)
        lines = self._versions[index].tariff.lines.get((plan, service_id))
        if lines is None:
            return Outcome.SERVICE_DENIED
        return self._price(index, lines, zone, at_ms)

    def activation_after(self, version: str) -> int:
        """Return when the version after this one begins to price; 0: it is the last, or unknown."""
        return self._followed.get(version, 0)

    def tax_included(self, version: str) -> bool | None:
        """Say whether a version's prices contain the tax; None: it is not known."""
        return self._taxed.get(version)

    def _index(self, at_ms: int) -> int:
        return max(0, bisect_right(self._starts, at_ms) - 1)

    def _price(
        self, index: int, lines: Lines, zone: str | None, at_ms: int
    ) -> PriceInForce | Outcome:
        line = lines.get(zone)
        if line is None:
            return Outcome.RATING_FAILED
        found = line.at(at_ms)
        if index + 1 == len(self._starts):
            return found
        return PriceInForce(found.terms, sooner(found.until_ms, self._starts[index + 1]))
