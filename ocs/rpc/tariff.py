"""TariffService at the edge: messages to use cases and back."""

from itertools import islice

from ocs import limits
from ocs.domain.answer import Reason
from ocs.rpc import convert
from ocs.rpc.call import CallInfo
from ocs.rpc.method import RpcService
from ocs.service.errors import ServiceError
from ocs.service.tariffs import NOT_SCHEDULED, Found, TariffAsked, Tariffs
from ocs.v1 import tariff_service_pb2 as pb

# What a text may be wrapped in: the fields beside it and the messages around its chunks.
_WRAPPING_BYTES_MAX = 64 * 1024


class TariffServicer:
    """Handlers of ocs.v1.TariffService."""

    def __init__(self, tariffs: Tariffs) -> None:
        self._tariffs = tariffs

    def service(self) -> RpcService:
        """Name the handlers for the server."""
        return RpcService(
            pb.DESCRIPTOR.services_by_name["TariffService"],
            {
                "LoadTariff": self.load_tariff,
                "ActivateTariff": self.activate_tariff,
                "GetTariff": self.get_tariff,
                "ListTariffs": self.list_tariffs,
                "DiffTariffs": self.diff_tariffs,
            },
            uploads={"LoadTariff": limits.TARIFF_BYTES_MAX + _WRAPPING_BYTES_MAX},
        )

    async def load_tariff(
        self, call: CallInfo, request: pb.LoadTariffRequest
    ) -> pb.LoadTariffResponse:
        """Check a tariff, and store it."""
        text = b"".join(request.chunks)
        if not text:
            raise ServiceError(Reason.INVALID_FIELD, violations=[("chunks", "must hold a text")])
        activate_ms = NOT_SCHEDULED
        if request.HasField("activate_time"):
            activate_ms = convert.time_ms(request.activate_time, "activate_time")
        found, tariff = await self._tariffs.load(
            _asked(call), text, activate_ms, validate_only=request.validate_only
        )
        response = pb.LoadTariffResponse(
            plan_count=len(tariff.plans),
            service_count=len(tariff.units),
            zone_count=len(tariff.zones.zones),
        )
        _set_tariff(response.tariff, found)
        return response

    async def activate_tariff(
        self, call: CallInfo, request: pb.ActivateTariffRequest
    ) -> pb.ActivateTariffResponse:
        """Schedule a version."""
        activate_ms = convert.time_ms(request.activate_time, "activate_time")
        response = pb.ActivateTariffResponse()
        found = await self._tariffs.activate(_asked(call), request.version, activate_ms)
        _set_tariff(response.tariff, found)
        return response

    async def get_tariff(
        self, call: CallInfo, request: pb.GetTariffRequest
    ) -> pb.GetTariffResponse:
        """Read a version, and a piece of its text."""
        found, text, next_offset = await self._tariffs.piece(
            call.tenant, request.version, request.offset
        )
        response = pb.GetTariffResponse(text=text, next_offset=next_offset)
        _set_tariff(response.tariff, found)
        return response

    async def list_tariffs(
        self, call: CallInfo, request: pb.ListTariffsRequest
    ) -> pb.ListTariffsResponse:
        """Read a page of the versions."""
        start = int(request.page_token or 0)
        end = start + (request.page_size or limits.PAGE_DEFAULT)
        versions = await self._tariffs.versions(call.tenant)
        response = pb.ListTariffsResponse()
        for found in islice(versions, start, end):
            _set_tariff(response.tariffs.add(), found)
        if end < len(versions):
            response.next_page_token = str(end)
        return response

    async def diff_tariffs(
        self, call: CallInfo, request: pb.DiffTariffsRequest
    ) -> pb.DiffTariffsResponse:
        """Compare two versions."""
        found, count = await self._tariffs.diff(
            call.tenant, request.from_version, request.to_version
        )
        response = pb.DiffTariffsResponse(difference_count=count)
        for one in found:
            response.differences.add(**one._asdict())
        return response


def _asked(call: CallInfo) -> TariffAsked:
    return TariffAsked(call.tenant, call.actor, call.deadline_ms)


def _set_tariff(message: pb.TariffVersion, found: Found) -> None:
    stored = found.stored
    message.version = stored.version
    message.text_sha256 = stored.text_sha256
    message.text_bytes = stored.text_bytes
    message.actor = stored.actor
    message.inherited = found.inherited
    if stored.activate_ms >= 0:
        message.activate_time.FromMilliseconds(stored.activate_ms)
    if stored.load_ms:
        message.load_time.FromMilliseconds(stored.load_ms)
