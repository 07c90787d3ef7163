"""Differences summed: by account, by plan and service, and in all. One currency only."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ocs.domain.rerating.charges import NotRatable, RatedCharge


@dataclass(slots=True)
class Sums:
    """Figures of some charges; money in micro-units. difference = new - old.

    events: charges looked at; differing: of them, those with a difference. corrected: what rerating
    took before, less what it gave back; part of old.
    """

    events: int = 0
    differing: int = 0
    not_ratable: Counter[NotRatable] = field(default_factory=Counter)
    old: int = 0
    new: int = 0
    to_debit: int = 0
    to_refund: int = 0
    corrected: int = 0

    @property
    def difference(self) -> int:
        """What the other version makes of it, more or less."""
        return self.new - self.old

    def add(self, charge: RatedCharge) -> None:
        """Count a charge."""
        self.events += 1
        if charge.not_ratable is not None:
            self.not_ratable[charge.not_ratable] += 1
            return
        difference = charge.difference
        self.differing += difference != 0
        self.old += charge.old
        self.new += charge.new or 0
        self.to_debit += max(0, difference)
        self.to_refund += max(0, -difference)
        self.corrected += charge.corrected


@dataclass(slots=True)
class Report:
    """What rerating found, account by account. by_service: by plan and service."""

    by_account: dict[str, Sums] = field(default_factory=dict)
    by_service: dict[tuple[str, str], Sums] = field(default_factory=dict)
    total: Sums = field(default_factory=Sums)

    def add(self, account_id: str, charges: Iterable[RatedCharge]) -> None:
        """Count an account's charges; an account without any is not listed."""
        for charge in charges:
            by_plan = (charge.plan, charge.service_id)
            self.by_account.setdefault(account_id, Sums()).add(charge)
            self.by_service.setdefault(by_plan, Sums()).add(charge)
            self.total.add(charge)
