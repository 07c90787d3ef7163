"""Proves stored accounts by their journal: folds events, checks each, compares. Pure."""

from ocs.domain.audit.compare import compare, compare_copies
from ocs.domain.audit.difference import (
    AuditDifference,
    Findings,
    UnreadableAccountError,
    UnreadableEventError,
)
from ocs.domain.audit.fold import AccountFold

__all__ = [
    "AccountFold",
    "AuditDifference",
    "Findings",
    "UnreadableAccountError",
    "UnreadableEventError",
    "compare",
    "compare_copies",
]
