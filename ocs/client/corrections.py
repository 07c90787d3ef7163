"""What refunds and corrections of balances answer. As in results."""

from dataclasses import dataclass

from ocs.client.results import Charge, Receipt, RefundLine
from ocs.client.values import Unit


@dataclass(frozen=True, slots=True)
class RefundResult:
    """What was given back of a charge."""

    lines: tuple[RefundLine, ...]
    refunded_micros: int
    event: str  # the refund's own
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class CorrectChargeResult:
    """What was charged more; its units are micro-units."""

    charge: Charge
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class CorrectionResult:
    """The bucket after a withdrawal or an adjustment."""

    bucket_id: str
    unit: Unit
    balance: int
    available: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ReverseTopUpResult:
    """What was taken back, and the bucket afterwards."""

    bucket_id: str
    reversed_quantity: int
    balance: int
    available: int
    receipt: Receipt
