"""Rerating: what charges of the past would have cost under another version of the tariff."""

from ocs.domain.rerating.charges import Correction, NotRatable, RatedCharge, correction_terms
from ocs.domain.rerating.replay import Replay, Wanted
from ocs.domain.rerating.report import Report, Sums

__all__ = [
    "Correction",
    "NotRatable",
    "RatedCharge",
    "Replay",
    "Report",
    "Sums",
    "Wanted",
    "correction_terms",
]
