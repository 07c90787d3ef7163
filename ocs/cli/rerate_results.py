"""What `ocs rerate` answers. Money in micro-units of the one currency."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What the charges of an account, or of a plan's service, came to; see Sums. Micro-units."""

    events: int
    differing: int
    not_ratable: dict[str, int]
    old_micros: int
    new_micros: int
    difference_micros: int
    to_debit_micros: int
    to_refund_micros: int
    corrected_micros: int


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """One account's."""

    account_id: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """Those of a service on a plan."""

    plan: str
    service_id: str
    figures: Figures


@dataclass(slots=True)
class Posted:
    """What was posted. refused: corrections that could not be, by reason."""

    debits: int = 0
    debited_micros: int = 0
    uncollected_micros: int = 0
    refunds: int = 0
    refunded_micros: int = 0
    made_meanwhile: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class RerateResult:
    """The differences that were found, and what was posted; None: nothing was asked to be."""

    tariff_version: str
    currency: str
    from_time: datetime
    to_time: datetime
    accounts: tuple[AccountFigures, ...]
    services: tuple[ServiceFigures, ...]
    total: Figures
    posted: Posted | None

    @property
    def exit_code(self) -> int:
        """1 if some correction could not be posted."""
        return 1 if self.posted is not None and self.posted.refused else 0
