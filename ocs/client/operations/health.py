"""The stock health service."""

from grpc_health.v1 import health_pb2

from ocs.client.operation import Operation, read
from ocs.client.results import HealthResult
from ocs.client.values import HealthStatus

_STATUSES = {
    health_pb2.HealthCheckResponse.ServingStatus.Value(one.value): one for one in HealthStatus
}


def health(service: str = "", *, timeout_s: float | None = None) -> Operation[HealthResult]:
    """Whether a service takes calls; the empty name is the server as a whole."""

    def decode(message: health_pb2.HealthCheckResponse) -> HealthResult:
        status = _STATUSES.get(message.status, HealthStatus.UNKNOWN)
        return HealthResult(service=service, status=status)

    request = health_pb2.HealthCheckRequest(service=service)
    return read("health", "Check", request, decode, timeout_s)
