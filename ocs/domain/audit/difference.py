"""What an audit finds."""

from dataclasses import dataclass, field
from typing import Final

from ocs.domain.charging_event import EventFormatError

KEPT_PER_ACCOUNT_MAX: Final = 100


class UnreadableEventError(EventFormatError):
    """A journal entry that is no event. position: where it is; text: what it says."""

    def __init__(self, position: str, text: str) -> None:
        super().__init__(f"the entry at {position} is no charging event")
        self.position = position
        self.text = text


class UnreadableAccountError(Exception):
    """What is stored of an account cannot be read."""


@dataclass(frozen=True, slots=True)
class AuditDifference:
    """A term of an account that is not what its journal says.

    term: e.g. `bucket main balance`, `cap account/daily spent`, `hold r1`, `event 17`. stored:
    what the account (or, for an event's term, that event) says. journal: what the rest of the
    journal adds up to.
    """

    tenant: str
    account_id: str
    term: str
    stored: str
    journal: str


@dataclass(slots=True)
class Findings:
    """The differences of one account: all counted, the first 100 kept."""

    tenant: str
    account_id: str
    count: int = 0
    kept: list[AuditDifference] = field(default_factory=list)

    def add(self, term: str, stored: object, journal: object) -> None:
        """Note a difference."""
        self.count += 1
        if len(self.kept) < KEPT_PER_ACCOUNT_MAX:
            self.kept.append(
                AuditDifference(self.tenant, self.account_id, term, str(stored), str(journal))
            )

    def compare(self, term: str, stored: object, journal: object) -> None:
        """Note a difference if there is one."""
        if stored != journal:
            self.add(term, stored, journal)
