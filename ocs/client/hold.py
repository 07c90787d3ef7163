"""What a reservation's handle knows and decides, without sending anything.

Theory of operation. A hold is entered with a grant. Each report, release or commit is an operation
that is *pending* from before it is sent until its answer, or a failure that settles it, is known;
an unknown outcome, a cancelled task or Ctrl-C leave it pending. While one is pending no other may
start: reporting the same use under a new request_id could charge it twice, and releasing could
lose it. So on leaving a `with` block a pending operation is sent again first, unchanged, and only
then, if the reservation is still open, is what it holds released.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Unpack

from ocs.client.errors import OcsError, UnknownOutcomeError, UsageError
from ocs.client.operation import Operation, Sending
from ocs.client.operations import charging
from ocs.client.results import CommitResult, GrantResult, ReleaseResult
from ocs.client.values import (
    FinalUnitAction,
    NextGrant,
    Outcome,
    OverrunPolicy,
    Unit,
    UsedSegment,
)

# The reservation is over, whoever ended it.
_ENDED: Final = frozenset({"RESERVATION_CLOSED", "RESERVATION_NOT_FOUND"})
# A release refused with one of these finds nothing held, which is all that it wants.
_NOTHING_HELD: Final = _ENDED | {"RESERVATION_EXPIRED"}


class Hold:
    """The state of one reservation: the current grant, the last charge, what is still open."""

    def __init__(self, grant: GrantResult) -> None:
        self._grant = grant
        self._reservation = grant.reservation
        self._last_commit: CommitResult | None = None
        self._open = grant.granted
        self._pending: Operation[Any] | None = None

    def __repr__(self) -> str:
        """The decision and what it was about."""
        state = "open" if self._open else "closed"
        return (
            f"<{type(self).__name__} {self.reservation or '-'} {state}"
            f" outcome={self.outcome} granted_units={self.granted_units}>"
        )

    @property
    def grant(self) -> GrantResult:
        """The latest decision on units: of the reserve, or of the last report."""
        return self._grant

    @property
    def last_commit(self) -> CommitResult | None:
        """The last settled commit or report."""
        return self._last_commit

    @property
    def unresolved(self) -> Operation[Any] | None:
        """The operation whose outcome is unknown, if there is one."""
        return self._pending

    @property
    def is_open(self) -> bool:
        """Whether it can still take a commit; False for a refused one."""
        return self._open

    @property
    def granted(self) -> bool:
        """Whether the latest decision granted units."""
        return self._grant.granted

    @property
    def outcome(self) -> Outcome:
        """The latest decision."""
        return self._grant.outcome

    @property
    def reservation(self) -> str:
        """Its name; empty if nothing was granted."""
        return self._reservation

    @property
    def granted_units(self) -> int:
        """The whole usable grant, 0 if there is none; never an addition to an earlier one."""
        return self._grant.granted_units

    @property
    def unit(self) -> Unit | None:
        """The service's unit."""
        return self._grant.unit

    @property
    def validity_time(self) -> datetime | None:
        """Report by then."""
        return self._grant.validity_time

    @property
    def expire_time(self) -> datetime | None:
        """The hold lapses then."""
        return self._grant.expire_time

    @property
    def report_at_units(self) -> int:
        """Report once this much of the grant is used."""
        return self._grant.report_at_units

    @property
    def final_grant(self) -> bool:
        """Whether these are the last units there are."""
        return self._grant.final_grant

    @property
    def final_unit_action(self) -> FinalUnitAction | None:
        """What to do when a final grant is used up."""
        return self._grant.final_unit_action

    def check_usable(self) -> None:
        """Refuse a new operation on a reservation that cannot take one."""
        if not self.reservation:
            raise UsageError(
                f"nothing was reserved ({self.outcome}): check `.granted` before using a grant"
            )
        if self._pending is not None:
            raise UsageError(
                f"the outcome of {self._pending.method} {self._pending.request_id} is unknown:"
                " resend() it before anything else"
            )
        if not self._open:
            raise UsageError("the reservation was closed or released")

    @contextmanager
    def pending(self, operation: Operation[Any]) -> Iterator[None]:
        """Keep the operation as pending until it is settled, whatever leaves the block."""
        self._pending = operation
        try:
            yield
        except UnknownOutcomeError:
            raise
        except OcsError as error:
            self._pending = None
            if error.reason in _ENDED:
                self._open = False
            raise

    def settled(self, operation: Operation[Any], result: object) -> None:
        """Take over an answer."""
        self._pending = None
        match result:
            case ReleaseResult():
                self._open = False
            case CommitResult():
                self._last_commit = result
                self._reservation = result.reservation or self._reservation
                if result.grant is not None:
                    self._grant = result.grant
                self._open = operation.request.WhichOneof("rest") != "close"
            case _:
                raise AssertionError(f"{operation.method} is no operation of a reservation")

    def leaving(self) -> Iterator[Operation[Any]]:
        """What to send on leaving a with block, one after the other."""
        if self._pending is not None:
            yield self._pending
        if self._pending is None and self._open:
            yield charging.release(self._reservation)

    def left(self, failures: Sequence[OcsError], raised: BaseException | None) -> None:
        """Raise what went wrong on leaving; it does not replace an error that is on its way."""
        harmful = [error for error in failures if not self._finds_nothing_held(error)]
        if raised is None and harmful:
            raise harmful[0]
        for error in harmful:
            if raised is not None:
                raised.add_note(f"on leaving {self._reservation}: {error}")

    @staticmethod
    def _finds_nothing_held(error: OcsError) -> bool:
        return error.reason in _NOTHING_HELD and not isinstance(error, UnknownOutcomeError)


def commit(
    hold: Hold,
    used: int | Sequence[UsedSegment],
    *,
    keep: bool = False,
    sequence_number: int | None = None,
    overrun_policy: OverrunPolicy | None = None,
    unit: Unit | None = None,
    **sending: Unpack[Sending],
) -> Operation[CommitResult]:
    """Settle the units used since the last report and close; with keep, leave the rest held."""
    hold.check_usable()
    return charging.commit(
        hold.reservation,
        used,
        keep=keep,
        sequence_number=sequence_number,
        overrun_policy=overrun_policy,
        unit=unit,
        **sending,
    )


def report(
    hold: Hold,
    used: int | Sequence[UsedSegment],
    *,
    next_units: int | None = None,
    all_or_nothing: bool = False,
    validity: timedelta | None = None,
    next_reservation_id: str = "",
    sequence_number: int | None = None,
    overrun_policy: OverrunPolicy | None = None,
    unit: Unit | None = None,
    **sending: Unpack[Sending],
) -> Operation[CommitResult]:
    """Settle the units used since the last report and ask for a next grant.

    Afterwards this handle shows the next grant (`granted`, `granted_units`, ...), and its
    reservation, which is another one if the hold had lapsed. A refused next grant leaves the
    reservation open, holding nothing. next_units: None = the tariff's grant_default.
    """
    hold.check_usable()
    return charging.commit(
        hold.reservation,
        used,
        next_grant=NextGrant(next_units, all_or_nothing, validity, next_reservation_id),
        sequence_number=sequence_number,
        overrun_policy=overrun_policy,
        unit=unit,
        **sending,
    )


def release(hold: Hold, **sending: Unpack[Sending]) -> Operation[ReleaseResult]:
    """Give back everything held and close. Charges nothing."""
    hold.check_usable()
    return charging.release(hold.reservation, **sending)


def resend(hold: Hold) -> Operation[Any]:
    """Send the operation whose outcome is unknown again, unchanged: applied once at most."""
    if hold.unresolved is None:
        raise UsageError("no operation of this reservation has an unknown outcome")
    return hold.unresolved
