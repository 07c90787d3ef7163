"""The only place where a key is spelled.

An account's keys are `{tag}:<kind>:<tenant>:<account>[:<id>]`. The tag names the partition, so an
account, its holds, records and subscribers and its partition's journal share one cluster slot, and
one script may change them all. Ids have passed the id rule before they come here, so `:`, `{` and
`}` occur in none and a key splits back into its parts.
"""

from binascii import crc_hqx
from functools import lru_cache
from typing import Final
from zlib import crc32

from ocs.store.key_tags import KEY_TAGS

PARTITION_COUNT: Final = 256
SLOT_COUNT: Final = 16384
ACCOUNT_PATTERN: Final = "{*}:account:*"
"""What SCAN matches to visit every account of the store."""

# Bounds a worker's memory: about 300 bytes an entry. A miss costs under 1 us more than a hit.
_AFFIXES_KEPT_COUNT: Final = 16384
_ACCOUNT_KEY_PARTS: Final = 4


def partition_of(tenant: str, account_id: str) -> int:
    """The partition (0..255) of an account, or of a looked-up id; fixed for ever."""
    return crc32(f"{tenant}/{account_id}".encode()) % PARTITION_COUNT


@lru_cache(maxsize=_AFFIXES_KEPT_COUNT)
def _affixes(tenant: str, account_id: str) -> tuple[str, str]:
    return f"{{{KEY_TAGS[partition_of(tenant, account_id)]}}}:", f":{tenant}:{account_id}"


def account_key(tenant: str, account_id: str) -> str:
    """The account's state: figures of its buckets and caps, and its seq."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}account{account}"


def profile_key(tenant: str, account_id: str) -> str:
    """What a server reads of an account to price and check a request; changes with its version."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}profile{account}"


def holds_key(tenant: str, account_id: str) -> str:
    """The account's open holds."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}holds{account}"


def subscribers_key(tenant: str, account_id: str) -> str:
    """The ids of the account's subscribers."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}subscribers{account}"


def reservation_key(tenant: str, account_id: str, reservation_id: str) -> str:
    """One reservation of the account."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}reservation{account}:{reservation_id}"


def session_key(tenant: str, account_id: str, session_id: str, service_id: str) -> str:
    """Order and rating state of one charging session of the account, for one of its services."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}session{account}:{session_id}:{service_id}"


def request_key(tenant: str, account_id: str, request_id: str) -> str:
    """The request record that makes a retry answer what the first send answered."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}request{account}:{request_id}"


def subscriber_key(tenant: str, account_id: str, subscriber_id: str) -> str:
    """One subscriber of the account with its caps; the truth behind every lookup."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}subscriber{account}:{subscriber_id}"


def group_key(tenant: str, account_id: str, group_id: str) -> str:
    """One group of the account's subscribers with its caps."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}group{account}:{group_id}"


def payment_key(tenant: str, account_id: str, payment_reference: str) -> str:
    """The top-up that a payment reference paid for; kept for ever."""
    tag, account = _affixes(tenant, account_id)
    return f"{tag}payment{account}:{payment_reference}"


def journal_key(partition: int) -> str:
    """The stream of charging events of a partition (0..255)."""
    return f"{{{KEY_TAGS[partition]}}}:journal"


def due_key(partition: int) -> str:
    """The sorted set of a partition's (0..255) accounts by their earliest deadline.

    Of their holds, and of their buckets that end.
    """
    return f"{{{KEY_TAGS[partition]}}}:due"


def lookup_key(tenant: str, kind: str, value: str) -> str:
    """Which account holds this id (kind msisdn, imsi, iccid or payment).

    Lies in the partition of the id, not of the account.
    """
    return f"{{{KEY_TAGS[partition_of(tenant, value)]}}}:lookup:{tenant}:{kind}:{value}"


def account_of_key(key: str) -> tuple[str, str]:
    """Tenant and account_id of an account key, as SCAN with ACCOUNT_PATTERN returns it.

    Raises:
        ValueError: the key is no account key, or lies under another partition's tag.
    """
    parts = key.split(":")
    if len(parts) == _ACCOUNT_KEY_PARTS:
        tenant, account_id = parts[2:]
        if key == account_key(tenant, account_id):
            return tenant, account_id
    raise ValueError(f"not an account key of this layout: {key!r}")


def slot_of(key: str) -> int:
    """The cluster slot (0..16383) of a key: CRC16 of its hash tag, else of the whole key."""
    _, brace, rest = key.partition("{")
    tag, close, _ = rest.partition("}")
    return crc_hqx((tag if brace and close and tag else key).encode(), 0) % SLOT_COUNT


def lease_key(partition: int) -> str:
    """Which process sweeps a partition (0..255) at the moment."""
    return f"{{{KEY_TAGS[partition]}}}:lease"


def probe_key() -> str:
    """What readiness writes to learn whether the store takes writes."""
    return f"{{{KEY_TAGS[0]}}}:probe"
