"""The journal record: what one operation changed, and its one text form.

Lua writes the line, this module reads it; there is no second decoder. The form is additive: a
reader skips tokens it does not know.

    1 KIND tenant/account seq store_ms prev outcome ref [token ...]

`prev` is the stream id of the account's previous event, `ref` the reservation, bucket, subscriber
or cap the event is about, `-` stands for nothing. Tokens are `letter=fields`, fields split by `:`.

    r=units                                  requested
    u=units                                  used, as reported
    g=units                                  granted
    p=position:paid_to:position:paid_to      session before and after
    b=bucket:balance:reserved:balance:reserved   bucket before and after
    y=bucket:units:micros                    payment
    S=first:last                             steps of the price list that rated it, from 1; one
                                             for each price that it was split by, in order
    Y=bucket:units                           stretches in order, if a bucket paid for two of them
    x=units:micros                           uncollected
    d=expire_ms:granted_units                the reservation's hold after; 0:0 = it holds no more
    h=bucket:quantity                        a line of that hold
    l=holder:cap:period_start_ms:quantity    a cap line of that hold
    k=holder:cap:period_start_ms:spent:reserved  cap counter after
    n=reservation                            successor that the hold belongs to
    f=letters                                l late, f final grant, g sequence gap, o out of order
    t=unit:priority:start_ms:expire_ms:blocking:services:zones  terms of a bucket
    z=credited:spent:expired:withdrawn       totals of a closed bucket
    q=holder:cap:unit:limit:period:service:zone  definition of a cap
    a=currency:anchor_day:credit_limit       terms of an account
    w=credit_limit:credit_limit              credit limit before and after
    m=group                                  group of a subscriber
    j=bucket:to:quantity                     given back to a bucket that paid, and where it went
    v=bucket:quantity:roll_over:threshold:unit:priority:start_ms:expire_ms:blocking:services:zones
                                             a bucket that a bundle opened; threshold - for none
    s=due_ms:end_ms:left:tries               the renewal after; a renewal without is the last one
    o=from:to:quantity                       rolls over when `from` ends, at most; of a closed
                                             bucket: what did
    i=threshold                              mark on a bucket's balance, - for none
    e=bucket:threshold                       a balance that came down to its threshold

The ref of what happens to a bundle is its id; its renewal is by the account's own doing.
The ref of a REFUND is the seq of the event that is refunded.
"""

import enum
from dataclasses import dataclass, field

from ocs.domain.answer import Payment, RefundLine
from ocs.domain.reservation import CapLine

EVENT_VERSION = "1"


class EventKind(enum.StrEnum):
    """What happened; names equal the proto's EventKind."""

    CREATE_ACCOUNT = "CREATE_ACCOUNT"
    ADD_SUBSCRIBER = "ADD_SUBSCRIBER"
    TOP_UP = "TOP_UP"
    SET_SPENDING_CAP = "SET_SPENDING_CAP"
    RESERVE = "RESERVE"
    COMMIT = "COMMIT"
    RELEASE = "RELEASE"
    DEBIT = "DEBIT"
    EXPIRE = "EXPIRE"
    BUCKET_CLOSED = "BUCKET_CLOSED"
    SUSPEND_ACCOUNT = "SUSPEND_ACCOUNT"
    RESUME_ACCOUNT = "RESUME_ACCOUNT"
    CLOSE_ACCOUNT = "CLOSE_ACCOUNT"
    UPDATE_ACCOUNT = "UPDATE_ACCOUNT"
    WITHDRAW_BALANCE = "WITHDRAW_BALANCE"
    ADJUST_BUCKET = "ADJUST_BUCKET"
    REVERSE_TOP_UP = "REVERSE_TOP_UP"
    REFUND = "REFUND"
    DELETE_SPENDING_CAP = "DELETE_SPENDING_CAP"
    REMOVE_SUBSCRIBER = "REMOVE_SUBSCRIBER"
    UPDATE_SUBSCRIBER = "UPDATE_SUBSCRIBER"
    SET_BUCKET_THRESHOLD = "SET_BUCKET_THRESHOLD"
    PURCHASE_BUNDLE = "PURCHASE_BUNDLE"
    RENEW_BUNDLE = "RENEW_BUNDLE"
    CANCEL_BUNDLE_RENEWAL = "CANCEL_BUNDLE_RENEWAL"


class EventFormatError(ValueError):
    """A line that is no event of a version this reader knows."""


@dataclass(frozen=True, slots=True)
class BucketChange:
    """A bucket's figures before and after."""

    bucket_id: str
    balance_before: int
    reserved_before: int
    balance_after: int
    reserved_after: int


@dataclass(frozen=True, slots=True)
class CounterChange:
    """A cap counter after the event."""

    holder: str
    cap_id: str
    period_start_ms: int
    spent_after: int
    reserved_after: int


@dataclass(slots=True, kw_only=True)
class ChargingEvent:
    """One journal record; absent parts are empty.

    terms: raw fields of t, z, q, a, w, v, s, o, i. low: (bucket_id, threshold).
    """

    kind: EventKind
    tenant: str
    account_id: str
    seq: int
    store_ms: int
    outcome: str = ""
    ref: str = ""
    requested_units: int = 0
    used_units: int = 0
    granted_units: int = 0
    position: tuple[int, int, int, int] | None = None
    steps: list[tuple[int, int]] = field(default_factory=list)
    buckets: list[BucketChange] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    stretches: list[tuple[str, int]] = field(default_factory=list)
    uncollected_units: int = 0
    uncollected_micros: int = 0
    connect_micros: int = 0
    hold: tuple[int, int] | None = None
    hold_lines: list[tuple[str, int]] = field(default_factory=list)
    cap_lines: list[CapLine] = field(default_factory=list)
    counters: list[CounterChange] = field(default_factory=list)
    successor_id: str = ""
    flags: str = ""
    terms: list[tuple[str, ...]] = field(default_factory=list)
    group_ids: list[str] = field(default_factory=list)
    refunds: list[RefundLine] = field(default_factory=list)
    low: list[tuple[str, int]] = field(default_factory=list)
    prev: str = field(default="", compare=False)


def decode_event(line: str) -> ChargingEvent:
    """Read the text form. EventFormatError if it is not one."""
    version, *parts = line.split(" ")
    if version != EVENT_VERSION:
        newer = f"event of version {version}; this reader knows {EVENT_VERSION}"
        raise EventFormatError(newer if version.isdecimal() else _not_an_event(line))
    try:
        kind, name, seq, store_ms, prev, outcome, ref, *tokens = parts
        tenant, account_id = name.split("/")
        event = ChargingEvent(
            kind=EventKind(kind),
            tenant=tenant,
            account_id=account_id,
            seq=int(seq),
            store_ms=int(store_ms),
            outcome="" if outcome == "-" else outcome,
            ref="" if ref == "-" else ref,
            prev="" if prev == "-" else prev,
        )
        for token in tokens:
            _read_token(event, token[0], token[2:].split(":"))
    except (ValueError, IndexError) as error:
        raise EventFormatError(_not_an_event(line)) from error
    return event


def _not_an_event(line: str) -> str:
    return f"not a charging event: {line[:200]!r}"


def _read_token(event: ChargingEvent, letter: str, fields: list[str]) -> None:
    match letter:
        case "b":
            event.buckets.append(BucketChange(fields[0], *map(int, _exactly(fields[1:], 4))))
        case "y":
            event.payments.append(Payment(fields[0], *map(int, _exactly(fields[1:], 2))))
        case "h":
            event.hold_lines.append((fields[0], int(fields[1])))
        case "l":
            quantities = map(int, _exactly(fields[2:], 2))
            event.cap_lines.append(CapLine(fields[0], fields[1], *quantities))
        case "k":
            event.counters.append(
                CounterChange(fields[0], fields[1], *map(int, _exactly(fields[2:], 3)))
            )
        case "d":
            event.hold = (int(fields[0]), int(fields[1]))
        case "p":
            before, paid_before, after, paid_after = map(int, fields)
            event.position = (before, paid_before, after, paid_after)
        case "x":
            event.uncollected_units, event.uncollected_micros = map(int, fields)
        case "t" | "z" | "q" | "a" | "w" | "v" | "s" | "o" | "i":
            event.terms.append((letter, *fields))
        case "j":
            to_bucket_id = "" if fields[1] == "-" else fields[1]
            event.refunds.append(RefundLine(fields[0], to_bucket_id, int(fields[2])))
        case _:
            _read_short(event, letter, fields)


def _read_short(event: ChargingEvent, letter: str, fields: list[str]) -> None:
    match letter:
        case "S":
            first, last = map(int, fields)
            event.steps.append((first, last))
        case "Y":
            event.stretches.append((fields[0], int(fields[1])))
        case "e":
            event.low.append((fields[0], int(fields[1])))
        case "m":
            event.group_ids.append(fields[0])
        case _:
            _read_single(event, letter, fields[0])


def _read_single(event: ChargingEvent, letter: str, value: str) -> None:
    match letter:
        case "r":
            event.requested_units = int(value)
        case "u":
            event.used_units = int(value)
        case "g":
            event.granted_units = int(value)
        case "c":
            event.connect_micros = int(value)
        case "n":
            event.successor_id = value
        case "f":
            event.flags = value
        case _:
            # Written by a newer server: additive, so an older reader leaves it out.
            return


def _exactly(fields: list[str], count: int) -> list[str]:
    if len(fields) != count:
        message = f"expected {count} fields"
        raise ValueError(message)
    return fields
