"""Tariffs."""

from ocs.client import tariffs as results
from ocs.client.decode.charge import time
from ocs.v1 import tariff_service_pb2 as tariffs


def version(message: tariffs.TariffVersion) -> results.TariffVersion:
    """A version of a tariff."""
    return results.TariffVersion(
        version=message.version,
        activate_time=time(message, "activate_time"),
        load_time=time(message, "load_time"),
        actor=message.actor,
        text_sha256=message.text_sha256,
        text_bytes=message.text_bytes,
        inherited=message.inherited,
    )


def load_tariff(message: tariffs.LoadTariffResponse) -> results.LoadTariffResult:
    """The answer of LoadTariff."""
    return results.LoadTariffResult(
        version(message.tariff), message.plan_count, message.service_count, message.zone_count
    )


def activate_tariff(message: tariffs.ActivateTariffResponse) -> results.ActivateTariffResult:
    """The answer of ActivateTariff."""
    return results.ActivateTariffResult(version(message.tariff))


def get_tariff(message: tariffs.GetTariffResponse) -> results.TariffPiece:
    """The answer of GetTariff."""
    return results.TariffPiece(version(message.tariff), message.text, message.next_offset)


def list_tariffs(message: tariffs.ListTariffsResponse) -> results.TariffPage:
    """The answer of ListTariffs."""
    return results.TariffPage(tuple(map(version, message.tariffs)), message.next_page_token)


def diff_tariffs(message: tariffs.DiffTariffsResponse) -> results.DiffTariffsResult:
    """The answer of DiffTariffs."""
    return results.DiffTariffsResult(
        tuple(
            results.TariffDifference(
                plan=one.plan,
                service_id=one.service_id,
                zone=one.zone,
                price_id_before=one.price_id_before,
                price_id_after=one.price_id_after,
                used_units=one.used_units,
                micros_before=one.micros_before if one.HasField("micros_before") else None,
                micros_after=one.micros_after if one.HasField("micros_after") else None,
            )
            for one in message.differences
        ),
        message.difference_count,
    )
