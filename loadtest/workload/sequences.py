"""The order of an account's events, as the answers tell it."""

from dataclasses import dataclass, field

from loadtest.traffic import WrongAnswerError


@dataclass(slots=True)
class _Seen:
    highest: int = 0
    taken: set[int] = field(default_factory=set)


class Sequences:
    """What all actors of a process know together of their accounts' numbers.

    An operation sent after another was answered has a higher number; no two share one.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, _Seen] = {}

    def floor(self, account_id: str) -> int:
        """The number that an operation sent now has to exceed."""
        seen = self._accounts.get(account_id)
        return seen.highest if seen is not None else 0

    def take(self, account_id: str, floor: int, seq: int) -> None:
        """Take note of an operation's number. Raises WrongAnswerError."""
        seen = self._accounts.setdefault(account_id, _Seen())
        if seq <= floor:
            raise WrongAnswerError(f"account_seq {seq} of {account_id} is not after {floor}")
        if seq in seen.taken:
            raise WrongAnswerError(f"account_seq {seq} of {account_id} was given twice")
        seen.taken.add(seq)
        seen.highest = max(seen.highest, seq)
