"""Operations of TariffService: versions of what services cost."""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Final

from ocs.client import encode
from ocs.client.decode import tariff as decode
from ocs.client.operation import Operation, read
from ocs.client.tariffs import (
    ActivateTariffResult,
    DiffTariffsResult,
    LoadTariffResult,
    TariffPage,
    TariffPiece,
)
from ocs.v1 import tariff_service_pb2 as tariffs

_CHUNK_BYTES: Final = 512 * 1024


def load_tariff(
    text: bytes,
    *,
    activate_time: datetime | None = None,
    validate_only: bool = False,
    timeout_s: float | None = None,
) -> Operation[LoadTariffResult]:
    """Load a tariff, YAML in UTF-8, and schedule it if it has an activate_time, 5 s ahead at least.

    Safe to repeat: the version in the text is loaded once. InvalidArgumentError has the text's
    faults as field violations; AlreadyExistsError: another text has this version.
    """
    first, *others = [
        text[start : start + _CHUNK_BYTES] for start in range(0, len(text), _CHUNK_BYTES)
    ] or [b""]
    request = tariffs.LoadTariffRequest(
        request_id=uuid.uuid4().hex,
        validate_only=validate_only,
        activate_time=encode.optional_timestamp("activate_time", activate_time),
        chunks=[first],
    )
    # An empty piece changes nothing, and says that the request is a stream.
    pieces = tuple(tariffs.LoadTariffRequest(chunks=[chunk]) for chunk in others or [b""])
    operation = read("tariffs", "LoadTariff", request, decode.load_tariff, timeout_s)
    return replace(operation, pieces=pieces)


def activate_tariff(
    version: str, activate_time: datetime, *, timeout_s: float | None = None
) -> Operation[ActivateTariffResult]:
    """Schedule a version that was loaded without an activate_time. Safe to repeat."""
    request = tariffs.ActivateTariffRequest(
        request_id=uuid.uuid4().hex,
        version=version,
        activate_time=encode.timestamp("activate_time", activate_time),
    )
    return read("tariffs", "ActivateTariff", request, decode.activate_tariff, timeout_s)


def get_tariff_piece(
    version: str, *, offset: int = 0, timeout_s: float | None = None
) -> Operation[TariffPiece]:
    """A version and a piece of its text, 512 KiB at most; `get_tariff` fetches all of it."""
    request = tariffs.GetTariffRequest(version=version, offset=encode.whole("offset", offset))
    return read("tariffs", "GetTariff", request, decode.get_tariff, timeout_s)


def list_tariffs_page(
    *, page_size: int = 0, page_token: str = "", timeout_s: float | None = None
) -> Operation[TariffPage]:
    """A page of the tenant's versions, in order of activation; those without one last."""
    request = tariffs.ListTariffsRequest(
        page_size=encode.small("page_size", page_size), page_token=page_token
    )
    return read("tariffs", "ListTariffs", request, decode.list_tariffs, timeout_s)


def diff_tariffs(
    from_version: str, to_version: str, *, timeout_s: float | None = None
) -> Operation[DiffTariffsResult]:
    """What two versions price differently, by sample uses."""
    request = tariffs.DiffTariffsRequest(from_version=from_version, to_version=to_version)
    return read("tariffs", "DiffTariffs", request, decode.diff_tariffs, timeout_s)
