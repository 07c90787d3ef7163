"""Reads the one line that a script answers with."""

from ocs.domain.answer import Answer, BoughtBucket, CapReached, Outcome, Payment, Reason, RefundLine
from ocs.domain.state import RequestRecord
from ocs.domain.units import Unit
from ocs.store.layout import read_identities

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
# `DONE seq store_ms bucket balance available`, and of a reversal what was taken back.
_BUCKET_PARTS = 6
# `DONE seq store_ms identities`
_REMOVED_PARTS = 4
# `DONE seq store_ms micros bucket:to:quantity,...`
_REFUND_PARTS = 5
# Of a bundle: `bucket:unit:quantity,...` and when it is bought again, behind a charge's.
_BUNDLE_PARTS = 18
# `DONE seq store_ms expired bundle:due_ms,...`
_EXPIRED_PARTS = 5
_UNITS = {unit.value: unit for unit in Unit}


def read_answer(line: str) -> Answer:
    """Read a line of lib/charge_answer, of account keeping, or a refusal.

    A leading `=` marks a replay, `!` a reason. `DONE` with more than the position is a bucket's.
    """
    replayed = line[0] == "="
    if replayed:
        line = line[1:]
    parts = line.split(" ")
    if line[0] == "!":
        answer = Answer(int(parts[1]), int(parts[2]), reason=Reason(parts[0][1:]))
    elif parts[0] == "DONE":
        answer = Answer(int(parts[1]), int(parts[2]), outcome=Outcome.DONE)
        if len(parts) == _REMOVED_PARTS:
            answer.identities = read_identities(parts[3])
        elif len(parts) == _REFUND_PARTS:
            answer.refunded_micros = int(parts[3])
            answer.refunds = tuple(map(_read_refund, parts[4].split(",")))
        elif len(parts) >= _BUCKET_PARTS:
            answer.bucket_id = parts[3]
            answer.bucket_balance = int(parts[4])
            answer.bucket_available = int(parts[5])
            answer.bucket_moved = int(parts[6]) if len(parts) > _BUCKET_PARTS else 0
    else:
        answer = _read_charge(parts)
    answer.replayed = replayed
    return answer


def read_record(text: str) -> RequestRecord:
    """Read a request record: `expire_ms fingerprint`, then the answer on a line of its own."""
    head, line = text.split("\n")
    expire_ms, fingerprint = head.split(" ")
    return RequestRecord(int(expire_ms), fingerprint, read_answer(line))


def read_expired(line: str) -> tuple[Answer, int]:
    """Read the answer of expire.lua: the answer, and how many events it wrote."""
    parts = line.split(" ")
    answer = read_answer(" ".join(parts[:3]))
    if len(parts) == _EXPIRED_PARTS and parts[4] != "-":
        pairs = (one.split(":") for one in parts[4].split(","))
        answer.renewals_due = tuple((bundle_id, int(due_ms)) for bundle_id, due_ms in pairs)
    return answer, int(parts[3]) if len(parts) > 3 else 0  # noqa: PLR2004 - the fourth field


def _read_charge(parts: list[str]) -> Answer:
    flags = parts[7]
    answer = Answer(
        int(parts[1]),
        int(parts[2]),
        _OUTCOMES[parts[0]],
        None,
        "" if parts[3] == "-" else parts[3],
        int(parts[4]),
        int(parts[5]),
        int(parts[6]),
        held_micros=int(parts[8]),
        rated_units=int(parts[9]),
        charged_micros=int(parts[10]),
        uncollected_units=int(parts[11]),
        uncollected_micros=int(parts[12]),
    )
    if flags != "-":
        answer.final_grant = "f" in flags
        answer.late = "l" in flags
        answer.sequence_gap = "g" in flags
        answer.out_of_order = "o" in flags
    if parts[13] != "-":
        holder, cap_id, unit, remaining, reset_ms = parts[13].split(":")
        answer.cap = CapReached(holder, cap_id, _UNITS[unit], int(remaining), int(reset_ms))
    if parts[14] != "-":
        answer.payments = tuple(map(_read_payment, parts[14].split(",")))
    answer.price_change_ms = int(parts[15])
    if len(parts) == _BUNDLE_PARTS:
        if parts[16] != "-":
            answer.bought = tuple(map(_read_bought, parts[16].split(",")))
        answer.renew_ms = int(parts[17])
    return answer


def _read_bought(text: str) -> BoughtBucket:
    bucket_id, unit, quantity = text.split(":")
    return BoughtBucket(bucket_id, _UNITS[unit], int(quantity))


def _read_refund(text: str) -> RefundLine:
    bucket_id, to_bucket_id, quantity = text.split(":")
    return RefundLine(bucket_id, "" if to_bucket_id == "-" else to_bucket_id, int(quantity))


def _read_payment(text: str) -> Payment:
    bucket_id, units, micros = text.split(":")
    return Payment(bucket_id, int(units), int(micros))
