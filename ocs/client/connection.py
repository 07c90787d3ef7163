"""Where the service is, how its channel is set up, and the stubs over it."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2_grpc

from ocs.client.operation import Operation
from ocs.v1.account_service_pb2_grpc import AccountServiceStub
from ocs.v1.bundle_service_pb2_grpc import BundleServiceStub
from ocs.v1.charging_service_pb2_grpc import ChargingServiceStub
from ocs.v1.insights_service_pb2_grpc import InsightsServiceStub
from ocs.v1.spending_cap_service_pb2_grpc import SpendingCapServiceStub
from ocs.v1.tariff_service_pb2_grpc import TariffServiceStub

if TYPE_CHECKING:  # these exist for the type checker only
    from ocs.v1.account_service_pb2_grpc import AccountServiceAsyncStub
    from ocs.v1.bundle_service_pb2_grpc import BundleServiceAsyncStub
    from ocs.v1.charging_service_pb2_grpc import ChargingServiceAsyncStub
    from ocs.v1.insights_service_pb2_grpc import InsightsServiceAsyncStub
    from ocs.v1.spending_cap_service_pb2_grpc import SpendingCapServiceAsyncStub
    from ocs.v1.tariff_service_pb2_grpc import TariffServiceAsyncStub

TARGET_VARIABLE: Final = "OCS_TARGET"
TARGET_DEFAULT: Final = "localhost:7707"
TENANT_DEFAULT: Final = "main"
TIMEOUT_DEFAULT_S: Final = 2.0

ChannelOptions = Sequence[tuple[str, Any]]
Metadata = Sequence[tuple[str, str | bytes]]

_OPTIONS: Final = (
    # Attempts are counted and identified here, so gRPC makes none of its own.
    ("grpc.enable_retries", 0),
    # gRPC waits 1 s and more before it connects again; a restarted service is back sooner, and
    # meanwhile every call would fail without being sent.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Despite its name, the time that an attempt to connect may take, handshakes included: with
    # less than a busy service or a long way needs, every call fails until one is lucky.
    ("grpc.min_reconnect_backoff_ms", 10_000),
)


def resolve_target(target: str | None) -> str:
    """The given target, else that of the environment, else the default."""
    return target or os.environ.get(TARGET_VARIABLE) or TARGET_DEFAULT


def sync_channel(
    target: str, credentials: grpc.ChannelCredentials | None, options: ChannelOptions
) -> grpc.Channel:
    """A channel for the sync client; later options win."""
    merged = list({**dict(_OPTIONS), **dict(options)}.items())
    if credentials is None:
        return grpc.insecure_channel(target, options=merged)
    return grpc.secure_channel(target, credentials, options=merged)


def aio_channel(
    target: str, credentials: grpc.ChannelCredentials | None, options: ChannelOptions
) -> grpc.aio.Channel:
    """A channel for the asyncio client; later options win."""
    merged = list({**dict(_OPTIONS), **dict(options)}.items())
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=merged)
    return grpc.aio.secure_channel(target, credentials, options=merged)


class Stubs:
    """The generated stubs of a sync client, for what it does not wrap."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.charging: ChargingServiceStub = ChargingServiceStub(channel)
        self.accounts: AccountServiceStub = AccountServiceStub(channel)
        self.spending_caps: SpendingCapServiceStub = SpendingCapServiceStub(channel)
        self.bundles: BundleServiceStub = BundleServiceStub(channel)
        self.tariffs: TariffServiceStub = TariffServiceStub(channel)
        self.insights: InsightsServiceStub = InsightsServiceStub(channel)
        self.health = health_pb2_grpc.HealthStub(channel)


class AsyncStubs:
    """The generated stubs of an asyncio client, for what it does not wrap."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.charging: ChargingServiceAsyncStub = ChargingServiceStub(channel)
        self.accounts: AccountServiceAsyncStub = AccountServiceStub(channel)
        self.spending_caps: SpendingCapServiceAsyncStub = SpendingCapServiceStub(channel)
        self.bundles: BundleServiceAsyncStub = BundleServiceStub(channel)
        self.tariffs: TariffServiceAsyncStub = TariffServiceStub(channel)
        self.insights: InsightsServiceAsyncStub = InsightsServiceStub(channel)
        self.health = health_pb2_grpc.HealthStub(channel)


def method_of(stubs: Stubs | AsyncStubs, operation: Operation[Any]) -> Any:
    """The stub's callable for an operation; one whose request is streamed takes its pieces."""
    method = getattr(getattr(stubs, operation.service), operation.method)
    if not operation.pieces:
        return method

    def upload(request: object, **options: Any) -> Any:
        return method(iter((request, *operation.pieces)), **options)

    return upload
