"""The methods of the service, from its descriptors."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import insights_service_pb2 as insights
from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import tariff_service_pb2 as tariffs

METHODS: Final[Mapping[str, MethodDescriptor]] = MappingProxyType(
    {
        method.name: method
        for module in (accounts, bundles, charging, caps, tariffs)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
)
# Of `ocs insights`, which listens elsewhere.
INSIGHTS: Final[Mapping[str, MethodDescriptor]] = MappingProxyType(
    {
        method.name: method
        for method in insights.DESCRIPTOR.services_by_name["InsightsService"].methods
    }
)
MUTATIONS: Final = tuple(
    name for name, method in METHODS.items() if "request_time" in method.input_type.fields_by_name
)
CHARGES: Final = tuple(
    name
    for name, method in METHODS.items()
    if method.containing_service.name == "ChargingService" and not method.client_streaming
)


def method_of(request: Message) -> str:
    """The one method that takes this message."""
    name = request.DESCRIPTOR.full_name
    return next(m.name for m in METHODS.values() if m.input_type.full_name == name)
