"""What is said of tariffs. As in results."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """A version of a tariff."""

    version: str
    activate_time: datetime | None  # None: not scheduled; the epoch: since ever
    load_time: datetime | None
    actor: str
    text_sha256: str
    text_bytes: int
    inherited: bool  # of the installation's book, for want of one of the tenant's


@dataclass(frozen=True, slots=True)
class LoadTariffResult:
    """A tariff that was read and, unless it was only to be validated, stored."""

    tariff: TariffVersion
    plan_count: int
    service_count: int
    zone_count: int


@dataclass(frozen=True, slots=True)
class ActivateTariffResult:
    """A tariff that is scheduled."""

    tariff: TariffVersion


@dataclass(frozen=True, slots=True)
class TariffPiece:
    """A piece of a tariff's text; next_offset 0: the last."""

    tariff: TariffVersion
    text: bytes
    next_offset: int


@dataclass(frozen=True, slots=True)
class TariffText:
    """A tariff with its text."""

    tariff: TariffVersion
    text: bytes


@dataclass(frozen=True, slots=True)
class TariffPage:
    """A page of versions."""

    tariffs: tuple[TariffVersion, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class TariffDifference:
    """A use that two versions price differently; micros None: no price."""

    plan: str
    service_id: str
    zone: str
    price_id_before: str
    price_id_after: str
    used_units: int
    micros_before: int | None
    micros_after: int | None


@dataclass(frozen=True, slots=True)
class DiffTariffsResult:
    """The first differences, and how many there are."""

    differences: tuple[TariffDifference, ...]
    difference_count: int
