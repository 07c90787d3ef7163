"""The callers' acknowledgements against the journal: nothing lost, nothing doubled, sums exact."""

from collections import Counter
from typing import Any

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_event_pb2 as events
from tests.campaigns.support.calls import Call

OF_THEIR_OWN = (events.EVENT_KIND_EXPIRE, events.EVENT_KIND_BUCKET_CLOSED)
MAIN = "main"


class Books:
    """One account: what its callers were told, its journal, and how it stands at the end.

    standing: the account after the last call. journal: encoded events, oldest first, read after
    that.
    """

    def __init__(self, calls: list[Call], journal: list[bytes], standing: accounts.Account) -> None:
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.wrong: list[str] = []
        self._standing = standing
        # The sweeper may have gone on after the account was read.
        found = (events.ChargingEvent.FromString(wire) for wire in journal)
        self._events = [event for event in found if event.account_seq <= standing.account_seq]
        self._told = {call.request_id: call for call in calls if call.request_id}
        self._check_numbers()
        self._check_journal()
        self._check_told()
        self._check_sums()

    @property
    def violations(self) -> list[str]:
        """Everything that is not right."""
        return self.lost + self.doubled + self.wrong

    def _check_numbers(self) -> None:
        numbers = [event.account_seq for event in self._events]
        if numbers != list(range(1, self._standing.account_seq + 1)):
            self.wrong.append(
                f"{self._standing.account_id}: seq is {self._standing.account_seq}, "
                f"the journal has {len(numbers)} events"
            )

    def _check_journal(self) -> None:
        """Each event is some call's, and no call has two."""
        by_request = Counter(
            event.context.request_id for event in self._events if event.kind not in OF_THEIR_OWN
        )
        for request_id, count in by_request.items():
            call = self._told.get(request_id)
            if count > 1:
                self.doubled.append(f"{call or request_id}: {count} events")
            if call is None:
                self.wrong.append(f"{request_id!r}: has an event, but nobody sent it")
            elif call.reason:
                self.wrong.append(f"{call}: was told {call.reason}, but has an event")

    def _check_told(self) -> None:
        """Each acknowledged call has its event, with the figures that its caller was told."""
        at = {event.account_seq: event for event in self._events}
        for call in self._told.values():
            if call.reason or not call.answered:
                continue
            event = at.get(call.seq)
            if event is None or event.context.request_id != call.request_id:
                self.lost.append(f"{call}: acknowledged at seq {call.seq}, its event is not there")
            elif (told := _figures_told(call)) != (kept := _figures_kept(call, event)):
                self.wrong.append(f"{call}: told {told}, journal {kept}")

    def _check_sums(self) -> None:
        """Money of `main`, by the acknowledgements alone: topped up less charged."""
        balance = 0
        for call in self._told.values():
            if call.reason or not call.answered:
                continue
            if call.method == "TopUp" and call.message().bucket_id == MAIN:
                balance += accounts.TopUpRequest.FromString(call.request).money.micros
            elif call.method in ("Commit", "Debit"):
                lines = call.message().charge.lines
                balance -= sum(line.micros for line in lines if line.bucket_id == MAIN)
        stands = sum(b.balance for b in self._standing.buckets if b.bucket_id == MAIN)
        if stands != balance:
            self.wrong.append(
                f"{self._standing.account_id}: balance {stands}, acknowledged calls make {balance}"
            )


def _figures_told(call: Call) -> tuple[int, ...]:
    message = call.message()
    match call.method:
        case "TopUp":
            return (message.balance,)
        case "Reserve":
            return (message.grant.outcome, message.grant.granted_units)
        case "Commit":
            charge = message.charge
            return (charge.charged_micros, charge.uncollected_micros, message.grant.granted_units)
        case "Debit":
            charge = message.charge
            return (message.outcome, charge.charged_micros, charge.uncollected_micros)
        case _:
            return ()


def _figures_kept(call: Call, event: events.ChargingEvent) -> tuple[int, ...]:
    charged = sum(line.micros for line in event.charges)
    match call.method:
        case "TopUp":
            bucket_id = call.message().bucket_id
            return tuple(b.balance_after for b in event.buckets if b.bucket_id == bucket_id)
        case "Reserve":
            return (event.outcome, event.granted_units)
        case "Commit":
            return (charged, event.uncollected_micros, event.granted_units)
        case "Debit":
            return (event.outcome, charged, event.uncollected_micros)
        case _:
            return ()


def same_answer(first: Call, again: Call) -> str:
    """Say how the answer to a resend differs from the first; empty if it is the same."""
    if first.reason or again.reason:
        return "" if first.reason == again.reason else f"{first}: {first.reason} / {again.reason}"
    told: Any = first.message()
    repeated: Any = again.message()
    if not repeated.receipt.replayed:
        return f"{first}: executed again by a resend"
    repeated.receipt.replayed = told.receipt.replayed
    if first.method in ("SetSpendingCap", "CreateAccount"):
        # Their answers show how things stand, beside the receipt of what was done.
        told, repeated = told.receipt, repeated.receipt
    return "" if told == repeated else f"{first}: told {told}, then {repeated}"
