"""Operations of ChargingService from JSON, for batches that were written down."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from google.protobuf import json_format

from ocs.client.decode import charge as decode
from ocs.client.errors import UsageError
from ocs.client.operation import Operation
from ocs.v1 import charging_service_pb2 as charging

_DECODERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "reserve": decode.reserve,
    "commit": decode.commit,
    "release": decode.release,
    "debit": decode.debit,
}


def from_json(text: str) -> Operation[Any]:
    """Read an item of a batch, in the JSON of the contract: {"debit": {"account_id": ...}}.

    A request_id and a request_time that it lacks are made. Raises UsageError.
    """
    try:
        item = json_format.Parse(text, charging.ChargeItem())
    except json_format.ParseError as error:
        raise UsageError(f"is no item of a batch: {error}") from None
    choice = item.WhichOneof("operation")
    if choice is None:
        raise UsageError('must have one of "reserve", "commit", "release", "debit"')
    request = getattr(item, choice)
    request.request_id = request.request_id or uuid.uuid4().hex
    if not request.HasField("request_time"):
        request.request_time.GetCurrentTime()
    return Operation(
        "charging",
        choice.capitalize(),
        request,
        _DECODERS[choice],
        request.request_id,
        request.request_time.ToDatetime(UTC),
    )
