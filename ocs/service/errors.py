"""How a use case says that a call failed. A refused charge is no failure: it is an outcome."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ocs.domain.answer import Answer, Reason

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class ServiceError(Exception):
    """A call that failed.

    reason: why; the transport turns it into a status. account_seq: number of the account's last
    event, 0 = not known. metadata: figures and ids the caller may see, no text of exceptions.
    violations: (field path, rule) pairs, with INVALID_FIELD.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        account_seq: int = 0,
        metadata: Mapping[str, str] = _NOTHING,
        violations: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.account_seq = account_seq
        self.metadata = metadata
        self.violations = violations


def failure(answer: Answer) -> ServiceError:
    """Turn an answer with a reason into the error that says so."""
    assert answer.reason is not None
    return ServiceError(answer.reason, account_seq=answer.seq)
