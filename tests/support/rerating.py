"""Requests that correct charges."""

from typing import Any

from ocs.v1 import charging_service_pb2 as charging
from tests.support.live import Live


def correct_charge(live: Live, event: str, micros: int = 1, **fields: Any) -> Any:
    """Charge more for an event, unless fields say otherwise."""
    given: dict[str, Any] = {"event": event, "micros": micros, "tariff_version": "later"}
    return live.stamped(charging.CorrectChargeRequest(**given | fields))
