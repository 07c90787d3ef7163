"""Tariffs as text."""

from dataclasses import dataclass

from ocs.cli.output import Block, Fields, Listing, Verbatim
from ocs.cli.parse import decimal_of
from ocs.cli.views import blocks_of, moment
from ocs.client.tariffs import (
    ActivateTariffResult,
    DiffTariffsResult,
    LoadTariffResult,
    TariffPage,
    TariffVersion,
)

_ACTIVE_SINCE_EVER_S = 0


@dataclass(frozen=True, slots=True)
class TariffShown:
    """A tariff with its text."""

    tariff: TariffVersion
    text: str


def _activation(value: TariffVersion) -> str:
    if value.activate_time is None:
        return "not scheduled"
    if value.activate_time.timestamp() == _ACTIVE_SINCE_EVER_S:
        return "since ever"
    return moment(value.activate_time)


def _version_fields(value: TariffVersion) -> list[tuple[str, str]]:
    return [
        ("tariff", value.version),
        ("prices from", _activation(value)),
        ("loaded", moment(value.load_time)),
        ("by", value.actor),
        ("text", f"{value.text_bytes} bytes, sha256 {value.text_sha256}"),
    ]


@blocks_of.register
def _(result: LoadTariffResult) -> list[Block]:
    content = (
        f"{result.plan_count} plans, {result.service_count} services, {result.zone_count} zones"
    )
    return [Fields([*_version_fields(result.tariff), ("content", content)])]


@blocks_of.register
def _(result: ActivateTariffResult) -> list[Block]:
    return [Fields(_version_fields(result.tariff))]


@blocks_of.register
def _(result: TariffShown) -> list[Block]:
    return [Verbatim(result.text)]


@blocks_of.register
def _(result: TariffPage) -> list[Block]:
    rows = [
        (
            one.version,
            _activation(one),
            moment(one.load_time),
            one.actor,
            "of the installation" if one.inherited else "",
        )
        for one in result.tariffs
    ]
    return [Listing(("version", "prices from", "loaded", "by", ""), rows)]


@blocks_of.register
def _(result: DiffTariffsResult) -> list[Block]:
    rows = [
        (
            one.plan,
            one.price_id_after or one.price_id_before,
            str(one.used_units),
            _money(one.micros_before),
            _money(one.micros_after),
        )
        for one in result.differences
    ]
    shown = f"; the first {len(rows)} are shown" if result.difference_count > len(rows) else ""
    blocks: list[Block] = [Fields([("differences", f"{result.difference_count}{shown}")])]
    if rows:
        blocks.append(Listing(("plan", "price", "units", "before", "after"), rows))
    return blocks


def _money(micros: int | None) -> str:
    return "no price" if micros is None else decimal_of(micros)
