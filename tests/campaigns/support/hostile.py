"""Requests that are right, nearly right and wrong in every way, drawn with one seed.

A right one is built from its descriptor, with ids that exist, so that mutations of it reach past
the first check. The wrong ones are changed as bytes, as a broken or malicious caller would.
"""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from tests.support.methods import METHODS

ACCOUNTS: Final = tuple(f"f{number}" for number in range(50))
LINES: Final = ("line", "line-2")
INTS: Final = (
    0, 1, 1, 2, 3, 7, 10, 100, 1000, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53,
    2**63 - 1, -1, -2, -(2**31), -(2**53), -(2**63),
)  # fmt: skip
TEXTS: Final = (
    "", " ", "a", "main", "x" * 128, "x" * 129, "x" * 5000, "{", "}", "{}", "u}x", "a\nb", "a\r\n",
    "\0", "\x1b[31m", "\u202e", "\uff41", "\ud7ff", "%s%s%n", "${jndi:ldap://x}", "../../etc",
    "'; DROP TABLE accounts; --", "return redis.call('FLUSHALL')", "*", "a:b", "a/b", "-1", "1e400",
    "NaN", "9" * 400, "tenants/main/accounts/f1/reservations/x",
    "tenants/other/accounts/f1/events/1",
)  # fmt: skip
WORDS: Final = {
    "service_id": ("sms", "data", "voice", "nothing"),
    "plan": ("prepaid", "none"),
    "currency": ("EUR", "USD", "eur"),
    "time_zone": ("UTC", "Europe/Paris", "Mars/Phobos"),
    "subscriber_id": (*LINES, "", ""),
    "bucket_id": ("main", "units", "new", ""),
    "cap_id": ("c1", "c2"),
    "session_id": ("", "s1", "s2"),
    "other_party": ("", "49", "33123"),
    "visited_network": ("", "26298"),
    "page_token": ("", "", "1-1", "5/a"),
    "decided_by": ("clerk",),
    "reason": ("", "why"),
    "etag": ("", "1"),
    "paths": ("plan", "segment", "credit_limit_micros", "currency", "x.y"),
    "zone": ("", "home"),
}
RESERVED_MAX: Final = 400
_DEPTH_MAX: Final = 4
_NESTED: Final = 10_000
_TIME_SPREAD_S: Final = (0, 0, 0, 0, 0, 0, -1, -600, -4000, -200_000, 59, 61, 10**9, -(10**11))


@dataclass(slots=True)
class Hostile:
    """Draws requests. reservations: names that were granted, given back as answers come."""

    rng: random.Random
    reservations: deque[str] = field(default_factory=lambda: deque(maxlen=RESERVED_MAX))
    _count: int = 0
    _recent: deque[tuple[str, bytes]] = field(default_factory=lambda: deque(maxlen=100))

    def draw(self) -> tuple[str, str, bytes]:
        """Return a kind, the path of a method, and what to send to it."""
        rng = self.rng
        if self._recent and rng.random() < 0.03:
            path, wire = rng.choice(self._recent)
            return "resend", path, wire
        name = rng.choice(tuple(METHODS))
        method = METHODS[name]
        path = f"/{method.containing_service.full_name}/{name}"
        kind, change = rng.choice(_CHANGES)
        wire = change(self, method)
        if rng.random() < 0.02:
            path = rng.choice((*_PATHS, path.lower(), path + "x", path + "/" + name))
            kind = "wrong method"
        else:
            self._recent.append((path, wire))
        return kind, path, wire

    # Built from the descriptor.

    def right(self, method: MethodDescriptor) -> bytes:
        """A request that may well be granted."""
        return self.message(method, wild=0.0).SerializeToString()

    def odd(self, method: MethodDescriptor) -> bytes:
        """One with some fields of any value, out of any range."""
        return self.message(method, wild=0.3).SerializeToString()

    def message(self, method: MethodDescriptor, wild: float) -> Message:
        """Build a request; wild: how often a value is anything at all."""
        message: Message = message_factory.GetMessageClass(method.input_type)()
        self._fill(message, wild, 0)
        return message

    def _fill(self, message: Any, wild: float, depth: int) -> None:
        rng = self.rng
        if message.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
            message.seconds = int(time.time()) + (rng.choice(_TIME_SPREAD_S) if wild else 0)
            return
        if message.DESCRIPTOR.full_name == "google.protobuf.Duration":
            message.seconds = rng.choice((1, 60, 600, 86_400, 0, -1, 10**11)) if wild else 600
            return
        chosen = {group.name: rng.choice(group.fields) for group in message.DESCRIPTOR.oneofs}
        for each in message.DESCRIPTOR.fields:
            group = each.containing_oneof
            if group is not None and chosen[group.name] is not each and len(group.fields) > 1:
                continue
            if wild and rng.random() < wild / 3:
                continue  # left out
            count = rng.choice((1, 1, 2, 9 if wild else 1)) if each.is_repeated else 1
            for _ in range(count):
                self._put(message, each, wild, depth)

    def _put(self, message: Any, each: FieldDescriptor, wild: float, depth: int) -> None:
        holder = getattr(message, each.name)
        if each.message_type is not None:
            if depth < _DEPTH_MAX:
                inner = holder.add() if each.is_repeated else holder
                if not each.is_repeated:
                    inner.SetInParent()
                self._fill(inner, wild, depth + 1)
            return
        value = self._value(each, wild)
        try:
            if each.is_repeated:
                holder.append(value)
            else:
                setattr(message, each.name, value)
        except (ValueError, TypeError, UnicodeEncodeError):
            return  # the library of a caller would not take it; the bytes below do

    def _value(self, each: FieldDescriptor, wild: float) -> Any:
        rng, wildly = self.rng, self.rng.random() < wild
        if each.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            if each.type == FieldDescriptor.TYPE_BYTES:
                return rng.randbytes(rng.randrange(40))
            return rng.choice(TEXTS) if wildly else self._word(each.name)
        if each.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return rng.random() < 0.5
        if each.enum_type is not None:
            numbers = [value.number for value in each.enum_type.values]
            return rng.choice([*numbers, 99, -1]) if wildly else rng.choice(numbers)
        return rng.choice(INTS) if wildly else rng.choice((1, 2, 10, 1000))

    def _word(self, name: str) -> str:
        """A text that fits a field of this name."""
        if name in WORDS:
            return self.rng.choice(WORDS[name])
        if name == "account_id":
            return self.rng.choice(ACCOUNTS)
        if name == "reservation" and self.reservations and self.rng.random() < 0.9:
            return self.rng.choice(self.reservations)
        if name == "reservation":
            return f"tenants/main/accounts/{self.rng.choice(ACCOUNTS)}/reservations/none"
        if name == "event":
            account = self.rng.choice(ACCOUNTS)
            return f"tenants/main/accounts/{account}/events/{self.rng.randrange(1, 60)}"
        if name in ("request_id", "asked_request_id", "payment_reference"):
            self._count += 1
            again = self.rng.random() < 0.1
            return f"q{self.rng.randrange(1, self._count + 1) if again else self._count}"
        if name in ("msisdn", "imsi", "iccid"):
            digits = {"msisdn": 10, "imsi": 15, "iccid": 19}[name]
            return f"4915{self.rng.randrange(60):0{digits - 4}d}"
        return self.rng.choice(("", "x1", "x2"))

    # Changed as bytes.

    def _base(self, method: MethodDescriptor) -> bytearray:
        return bytearray(self.right(method) or b"\x0a\x01a")

    def flipped(self, method: MethodDescriptor) -> bytes:
        """Some bits the other way round."""
        wire = self._base(method)
        for _ in range(self.rng.choice((1, 1, 2, 8))):
            wire[self.rng.randrange(len(wire))] ^= 1 << self.rng.randrange(8)
        return bytes(wire)

    def cut(self, method: MethodDescriptor) -> bytes:
        """Only the beginning."""
        wire = self._base(method)
        return bytes(wire[: self.rng.randrange(len(wire))])

    def spliced(self, method: MethodDescriptor) -> bytes:
        """The beginning of one message and the end of another method's."""
        one, other = self._base(method), self._base(self.rng.choice(tuple(METHODS.values())))
        return bytes(one[: self.rng.randrange(len(one))] + other[self.rng.randrange(len(other)) :])

    def doubled(self, method: MethodDescriptor) -> bytes:
        """Every field twice, or many times."""
        return bytes(self._base(method) * self.rng.choice((2, 3, 50)))

    def noise(self, _: MethodDescriptor) -> bytes:
        """Bytes."""
        return self.rng.randbytes(self.rng.choice((0, 1, 10, 200, 5000)))

    def unknown_fields(self, method: MethodDescriptor) -> bytes:
        """Fields of no version of the contract, of every wire type, behind a right message."""
        wire = self._base(method)
        for _ in range(self.rng.choice((1, 10, 1000))):
            number, kind = self.rng.randrange(60, 2**29), self.rng.choice((0, 1, 2, 5))
            wire += varint(number << 3 | kind)
            wire += {0: b"\x05", 1: b"12345678", 2: b"\x03abc", 5: b"1234"}[kind]
        return bytes(wire)

    def wrong_types(self, method: MethodDescriptor) -> bytes:
        """Fields of the contract with another wire type, or with varints that do not end."""
        wire = self._base(method)
        for each in method.input_type.fields:
            kind = self.rng.randrange(8)
            body = self.rng.choice(
                (b"", b"\xff" * 9 + b"\x01", b"\xff" * 11, b"\x05", b"\xff\xff\xff\xff\x0f", b"\0")
            )
            wire += varint(each.number << 3 | kind) + body
        return bytes(wire)

    def nested(self, method: MethodDescriptor) -> bytes:
        """Groups and messages in each other, far deeper than any parser should follow."""
        depth = self.rng.choice((50, 101, _NESTED))
        if self.rng.random() < 0.5:
            number = self.rng.randrange(1, 20)
            return bytes(self._base(method)) + varint(number << 3 | 3) * depth
        each = self.rng.choice(method.input_type.fields) if method.input_type.fields else None
        number, wire = (each.number if each is not None else 1), b""
        for _ in range(min(depth, 101)):
            wire = varint(number << 3 | 2) + varint(len(wire)) + wire
        return wire

    def bad_text(self, method: MethodDescriptor) -> bytes:
        """Texts that are no UTF-8."""
        wire = self._base(method)
        for each in method.input_type.fields:
            if each.cpp_type == FieldDescriptor.CPPTYPE_STRING:
                text = self.rng.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\xf5b"))
                wire += varint(each.number << 3 | 2) + varint(len(text)) + text
        return bytes(wire)

    def large(self, method: MethodDescriptor) -> bytes:
        """A little below or above a bound of the transport."""
        size = self.rng.choice((65_000, 65_536, 65_537, 100_000, 1_048_576, 1_100_000))
        if size > 100_000 and self.rng.random() < 0.9:
            size = 65_537
        return bytes(self._base(method)) + varint(5000 << 3 | 2) + varint(size) + bytes(size)


def varint(value: int) -> bytes:
    """Spell a number as the wire does."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


_PATHS: Final = (
    "/", "//", "/ocs.v1.ChargingService/", "/ocs.v1.ChargingService/Nothing",
    "/ocs.v1.Nothing/Debit", "/ocs.v1.ChargingService/Reserve/../Debit", "/%2e%2e/etc/passwd",
    "/" + "x" * 1000,
)  # fmt: skip

_Change = Callable[[Hostile, MethodDescriptor], bytes]
# Drawn with equal chance; what reaches furthest stands in it more often.
_CHANGES: Final[tuple[tuple[str, _Change], ...]] = (
    *((("right", Hostile.right),) * 4), *((("odd", Hostile.odd),) * 3),
    ("flipped", Hostile.flipped), ("flipped", Hostile.flipped), ("cut", Hostile.cut),
    ("spliced", Hostile.spliced), ("doubled", Hostile.doubled), ("noise", Hostile.noise),
    ("unknown fields", Hostile.unknown_fields), ("wrong types", Hostile.wrong_types),
    ("nested", Hostile.nested), ("bad text", Hostile.bad_text), ("large", Hostile.large),
)  # fmt: skip
