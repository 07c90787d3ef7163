"""What all answers of InsightsService have in common."""

from ocs.domain.insights import AsOf
from ocs.rpc import convert
from ocs.v1 import insights_service_pb2 as pb


def set_as_of(message: pb.FigureAsOf, as_of: AsOf, time_zone: str) -> None:
    """Say until when the figures are whole."""
    convert.set_time(message.as_of_time, as_of.as_of_ms)
    message.lag_ms = as_of.lag_ms
    message.time_zone = time_zone
