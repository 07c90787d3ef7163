"""What a case of a command is."""

from typing import Any, NamedTuple

from google.protobuf.message import Message

from ocs.v1 import types_pb2


class Case(NamedTuple):
    """A command line, what it is answered, and the fields of the request it must send."""

    line: str
    method: str
    message: Message
    request_fields: dict[str, Any]


RECEIPT = types_pb2.Receipt(account_seq=3)
RECEIPT.store_time.FromJsonString("2026-11-23T12:00:00.25Z")
