"""One charge, priced anew: what it came to, what corrected it since, and what is still to correct.

A difference is what money has to move, no more: what nobody paid for and the other version does not
ask for is owed by nobody, and what was given back for other reasons counts against what is to be
given back, but is never taken again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

from ocs.domain.rating import Rate
from ocs.domain.reservation import ServiceTerms
from ocs.domain.units import Unit

REQUEST_PREFIX: Final = "rerate."
PRICE_ID: Final = "rerate"
_DIGEST_LETTERS: Final = 16


class NotRatable(StrEnum):
    """Why a charge cannot be priced by the other version."""

    CURRENCY = "CURRENCY"
    """The version has another currency."""
    TAX = "TAX"
    """One version's prices contain the tax, the other's do not."""
    NO_PRICE = "NO_PRICE"
    """The version has no price for the plan, service and zone."""
    CHARGE_LIMIT = "CHARGE_LIMIT"
    """Its price would pass 2^53-1 micro-units."""
    NEVER_RATED = "NEVER_RATED"
    """It was refused for want of a price, so its place in the session and its zone are unknown."""


class Part(NamedTuple):
    """A charge, or one that corrected it. paid: (bucket_id, micros) by money, in paying order."""

    seq: int
    paid: tuple[tuple[str, int], ...]
    uncollected_micros: int

    @property
    def collected(self) -> int:
        """Money that it collected."""
        return sum(micros for _, micros in self.paid)


class Correction(NamedTuple):
    """What is to be posted. request_id: the same whoever finds it.

    seq: of the event to refund or to correct. shares: what each bucket gets back; empty: a debit of
    `micros`.
    """

    request_id: str
    seq: int
    micros: int
    shares: tuple[tuple[str, int], ...] = ()


def correction_terms(service_id: str, zone: str, version: str) -> ServiceTerms:
    """How a correction is charged: in micro-units at one each.

    So only money can pay for it, what may pay for the service, and only caps of money count it.
    """
    rate = Rate.flat(1, 1, 1)
    return ServiceTerms(service_id, Unit.MICROS, zone, rate, 1, 1_000, version, PRICE_ID)


def is_rerating(request_id: str) -> bool:
    """Say whether a request was a correction by rerating."""
    return request_id.startswith(REQUEST_PREFIX)


@dataclass(slots=True)
class RatedCharge:
    """A charge of the range. new: its money by the other version; None: see not_ratable.

    parts: the charge, then what rerating debited for it since. given_back: (seq, bucket_id) of a
    part to money. by_rerating, by_others: all that was given back of the parts, by whom.
    """

    plan: str
    service_id: str
    new: int | None
    not_ratable: NotRatable | None
    parts: list[Part]
    given_back: dict[tuple[int, str], int] = field(default_factory=dict)
    by_rerating: int = 0
    by_others: int = 0
    corrected_count: int = 0

    @property
    def seq(self) -> int:
        """The charge's number in the account's journal."""
        return self.parts[0].seq

    @property
    def corrected(self) -> int:
        """Money that rerating took since, or gave back if negative."""
        return sum(_asked(part) for part in self.parts[1:]) - self.by_rerating

    @property
    def difference(self) -> int:
        """Money still to take, or to give back if negative; 0 if it is not ratable."""
        if self.new is None:
            return 0
        collected = sum(part.collected for part in self.parts) - self.by_rerating
        if self.new < collected:
            return -max(0, collected - self.new - self.by_others)
        asked = collected + sum(part.uncollected_micros for part in self.parts)
        return max(0, self.new - asked)

    @property
    def old(self) -> int:
        """Money that was asked for, as far as the other version asks for it, too."""
        return (self.new or 0) - self.difference

    def corrections(self, version: str) -> list[Correction]:
        """Return what has to be posted so that no difference is left."""
        difference = self.difference
        if difference > 0:
            return [Correction(self._request_id(version, 0), self.seq, difference)]
        found: list[Correction] = []
        for part in reversed(self.parts):
            shares = self._shares(part, -difference)
            micros = sum(quantity for _, quantity in shares)
            if micros:
                request_id = self._request_id(version, len(found))
                found.append(Correction(request_id, part.seq, micros, tuple(shares)))
                difference += micros
        return found

    def _shares(self, part: Part, micros: int) -> Sequence[tuple[str, int]]:
        """Give back from the last payer on: at less, the first ones would have paid as much."""
        shares = []
        for bucket_id, paid in reversed(part.paid):
            quantity = min(micros, paid - self.given_back.get((part.seq, bucket_id), 0))
            if quantity > 0:
                shares.append((bucket_id, quantity))
                micros -= quantity
        return shares

    def _request_id(self, version: str, more: int) -> str:
        """Name a correction by charge, version and how many there were before it."""
        digest = sha256(version.encode()).hexdigest()[:_DIGEST_LETTERS]
        return f"{REQUEST_PREFIX}{self.seq}.{self.corrected_count + more}.{digest}"


def _asked(part: Part) -> int:
    return part.collected + part.uncollected_micros
