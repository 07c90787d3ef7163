"""Calls added up, for those who cannot keep them all."""

from collections import Counter
from dataclasses import dataclass, field

from tests.campaigns.support.calls import Call, faults_in


@dataclass(slots=True)
class Tally:
    """What became of calls.

    newest_seqs: the greatest number of an event of each account that a caller was told. faults: as
    `faults_in` names them. ambiguous_count: calls that were ambiguous for a while, replayed_count:
    those of them that had run. lost: calls that had to be sent again, by reason.
    """

    answered_count: int = 0
    ambiguous_count: int = 0
    replayed_count: int = 0
    newest_seqs: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def event_count(self) -> int:
        """Events that the journal has at least."""
        return sum(self.newest_seqs.values())

    def take(self, call: Call) -> None:
        """Add a call."""
        self.faults += faults_in([call])
        self.answered_count += call.answered
        self.newest_seqs[call.account_id] = max(self.newest_seqs.get(call.account_id, 0), call.seq)
        if call.lost_reason:
            self.lost[call.lost_reason] += 1
        if call.ambiguous:
            self.ambiguous_count += 1
            self.replayed_count += call.replayed
