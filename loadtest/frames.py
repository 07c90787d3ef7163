"""HTTP/2 frames (RFC 9113) and plainly spelled headers (RFC 7541), for callers that are not grpc's.

What grpc's own client costs, or would never send, is no part of what is measured or tested.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES: Final = 9

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7, 0x8
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
HEADER_TABLE_SIZE, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 0x1, 0x3, 0x4
NO_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0x0, 0x8, 0xB
WINDOW_DEFAULT: Final = 65_535

_HEAD: Final = struct.Struct(">BBI")
_PREFIX_MAX: Final = 127


class Frame(NamedTuple):
    """One frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def goaway_code(self) -> int:
        """Why the other side leaves; of a GOAWAY."""
        return int.from_bytes(self.payload[4:8], "big")

    def settings(self) -> dict[int, int]:
        """What the other side wants; of a SETTINGS."""
        return dict(struct.iter_unpack(">HI", self.payload))


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Spell a frame."""
    return len(payload).to_bytes(3, "big") + _HEAD.pack(kind, flags, stream) + payload


def take_frames(buffer: bytearray) -> list[Frame]:
    """Take whole frames off a buffer."""
    at, size, found = 0, len(buffer), []
    while size - at >= HEAD_BYTES:
        end = at + HEAD_BYTES + int.from_bytes(buffer[at : at + 3], "big")
        if end > size:
            break
        kind, flags, stream = _HEAD.unpack_from(buffer, at + 3)
        payload = bytes(buffer[at + HEAD_BYTES : end])
        found.append(Frame(kind, flags, stream & 0x7FFFFFFF, payload))
        at = end
    del buffer[:at]
    return found


def settings_payload(settings: Iterable[tuple[int, int]]) -> bytes:
    """Spell settings."""
    return b"".join(struct.pack(">HI", name, value) for name, value in settings)


def header_block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Spell headers as literals that are neither indexed nor compressed (RFC 7541, 6.2.2)."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)


def call_headers(path: str, *more: tuple[bytes, bytes]) -> bytes:
    """Spell the headers of a gRPC call."""
    fields = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()),
        (b":authority", b"localhost"), (b"te", b"trailers"), (b"content-type", b"application/grpc"),
    ]  # fmt: skip
    return header_block([*fields, *more])


def message(wire: bytes) -> bytes:
    """Prefix a message as gRPC does: not compressed, and its length."""
    return b"\0" + len(wire).to_bytes(4, "big") + wire


def _text(text: bytes) -> bytes:
    size = len(text)
    if size < _PREFIX_MAX:
        return bytes([size]) + text
    rest, coded = size - _PREFIX_MAX, bytearray([_PREFIX_MAX])
    while rest >= 128:  # noqa: PLR2004 - seven bits a byte
        coded.append(rest % 128 + 128)
        rest //= 128
    return bytes([*coded, rest]) + text
