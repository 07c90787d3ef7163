"""What all answers of InsightsService have in common."""

from collections.abc import Sequence
from typing import Final

from ocs.domain.answer import Reason
from ocs.domain.insights import AsOf, Dimension, Step
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.service.errors import ServiceError
from ocs.service.insights import RangeAsked
from ocs.v1 import insights_service_pb2 as pb

DIMENSIONS: Final = {
    pb.FigureDimension.Value(f"FIGURE_DIMENSION_{dimension.name}"): dimension
    for dimension in Dimension
}
_STEPS: Final = {pb.FIGURE_STEP_UNSPECIFIED: None} | {
    pb.FigureStep.Value(f"FIGURE_STEP_{step.name}"): step for step in Step
}


def range_of(call: CallInfo, message: pb.FigureRange) -> RangeAsked:
    """Read which events are asked for. Raises ServiceError."""
    only: dict[Dimension, Sequence[str]] = {}
    for number, one in enumerate(message.filters):
        dimension = DIMENSIONS[one.dimension]
        if dimension in only:
            place = f"range.filters[{number}].dimension"
            raise ServiceError(Reason.INVALID_FIELD, violations=[(place, "must not stand twice")])
        only[dimension] = tuple(one.values)
    end_ms = 0
    if message.HasField("end_time"):
        end_ms = convert.time_ms(message.end_time, "range.end_time")
    return RangeAsked(
        tenant=call.tenant,
        start_ms=convert.time_ms(message.start_time, "range.start_time"),
        end_ms=end_ms,
        step=_STEPS[message.step],
        by=tuple(DIMENSIONS[one] for one in message.group_by),
        only=only,
    )


def set_as_of(message: pb.FigureAsOf, as_of: AsOf, time_zone: str) -> None:
    """Say until when the figures are whole."""
    convert.set_time(message.as_of_time, as_of.as_of_ms)
    message.lag_ms = as_of.lag_ms
    message.time_zone = time_zone
