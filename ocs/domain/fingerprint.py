"""The meaning of a request, as a short digest: the same id with another meaning is refused."""

from hashlib import blake2b
from typing import Final

_VERSION: Final = "1"
_DIGEST_BYTES: Final = 12


def fingerprint(operation: str, *fields: object) -> str:
    """Digest an operation and the caller's resolved fields, in a fixed order.

    Ids and texts hold no control characters, so the separator keeps fields apart.
    """
    text = "\x1f".join([operation, *map(str, fields)])
    return _VERSION + blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()
