"""Settings: what an operator may choose, each with its bounds, read once at the start.

A value given on the command line wins over OCS_* of the environment, that over the TOML file,
that over the default. Errors name the variable and the rule and never repeat the value, which
may be a store's password.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ocs.domain.periods import check_time_zone

PREFIX: Final = "OCS_"
CONFIG_VARIABLE: Final = "OCS_CONFIG"
_STORE_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_LISTEN: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", re.ASCII)
_CVES: Final = re.compile(r"(?:CVE-\d{4}-\d{4,7}(?:,(?!$)|$))*", re.ASCII)
_PORT_MAX: Final = 65_535


class SettingsError(Exception):
    """A setting that is missing, unknown or out of its bounds; one line for each."""


def _check_listen(value: str) -> str:
    found = _LISTEN.fullmatch(value)
    if found is None or int(found.group(3)) > _PORT_MAX:
        raise ValueError("must be host:port with a port of 0 .. 65535, e.g. 127.0.0.1:7707")
    return value


def _listen_parts(value: str) -> tuple[str, int]:
    found = _LISTEN.fullmatch(value)
    assert found is not None  # checked when the settings were made
    return found.group(1) or found.group(2), int(found.group(3))


def _check_probe_listen(value: str | None) -> str | None:
    return None if value is None else _check_listen(value)


def _check_store_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not value.get_secret_value().startswith(_STORE_SCHEMES):
        raise ValueError(f"must start with one of {' '.join(_STORE_SCHEMES)}")
    return value


def _check_cves(value: str) -> str:
    if _CVES.fullmatch(value) is None:
        raise ValueError("must be like CVE-2025-49844,CVE-2025-46817")
    return value


def _check_metrics_listen(value: str | None) -> str | None:
    return None if value is None else _check_listen(value)


def _check_otlp_url(value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value


def _check_time_zone(value: str) -> str:
    try:
        check_time_zone(value)
    except ValueError:
        raise ValueError("must be an IANA time zone name, such as Europe/Paris") from None
    return value


class Settings(BaseSettings):
    """All settings of a service process; immutable. `load_settings` makes one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    listen: Annotated[str, AfterValidator(_check_listen)] = Field(
        default="127.0.0.1:7707",
        description="Address of the gRPC server, host:port; port 0 = any free one.",
    )
    store_url: Annotated[SecretStr | None, AfterValidator(_check_store_url)] = Field(
        default=None,
        description="Your own Valkey or Redis; unset: the embedded one, in data_dir.",
    )
    data_dir: Path = Field(
        default=Path("ocs-data"),
        description="Directory of the embedded store; one service per directory.",
    )
    archive_dir: Path | None = Field(
        default=None,
        description="Directory of the journal's archive; every service on one store needs the same"
        " one. Unset: `archive` in data_dir.",
    )
    archive_interval_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="Seconds after which what was journaled is archived.",
    )
    archive_segment_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=64 * 1024,
        le=1024 * 1024 * 1024,
        description="Bytes of the journal after which it is archived at once.",
    )
    journal_memory_max: int | None = Field(
        default=None,
        ge=1024 * 1024,
        description="Bytes of the store's memory that the journal may take before grants and"
        " sales stop. Unset: a quarter of the store's maxmemory.",
    )
    durability: Literal["memory", "everysec", "always"] = Field(
        default="always",
        description="What an acknowledged write survives: nothing, all but about the last second,"
        " or a crash of the machine. The embedded store runs so; one of your own that promises"
        " less is refused.",
    )
    store_connections: int = Field(
        default=4, ge=4, le=64, description="Connections to the store, per node and process."
    )
    credentials_path: Path | None = Field(
        default=None,
        description="Who may call: TOML, entries made by `ocs token new`; read again when it"
        " changes. Unset: everyone on this machine, nobody else.",
    )
    tls_certificate_path: Path | None = Field(
        default=None,
        description="The server's certificate chain, PEM; with tls_key_path, unset: clear text,"
        " on loopback only. Read again when it changes, as are the next two.",
    )
    tls_key_path: Path | None = Field(
        default=None, description="The certificate's private key, PEM, unencrypted."
    )
    tls_client_ca_path: Path | None = Field(
        default=None,
        description="Who signs clients' certificates, PEM; then every client needs one.",
    )
    reflection: Literal["loopback", "on", "off"] = Field(
        default="loopback",
        description="Whether the contract is told to whoever asks, without a credential:"
        " `loopback` = only while listening there.",
    )
    probe_listen: Annotated[str | None, AfterValidator(_check_probe_listen)] = Field(
        default=None,
        description="A second address, host:port, that serves health alone, in clear text and to"
        " anyone: for probes that speak no TLS. Unset: none.",
    )
    store_cves_accepted: Annotated[str, AfterValidator(_check_cves)] = Field(
        default="",
        description="CVE numbers, separated by commas, whose fix your store carries although its"
        " version does not say so; others refuse to start.",
    )
    tariff_path: Path | None = Field(
        default=None,
        description="Tariff file, YAML (docs/tariffs.md); unset: the one that is shipped.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least level of log lines; `warning` drops the line of each call.",
    )
    log_stream: Literal["stdout", "stderr"] = Field(
        default="stderr", description="Where log lines go."
    )
    calls_in_flight_max: int = Field(
        default=2048,
        ge=1,
        le=65_536,
        description="Calls worked on at once; more are refused with RESOURCE_EXHAUSTED.",
    )
    connections_max: int = Field(
        default=960,
        ge=16,
        le=65_536,
        description="Connections open at once; more are closed at once. Each takes a file"
        " descriptor: the usual limit of a process is 1024.",
    )
    so_reuseport: bool = Field(
        default=False, description="Let several service processes share the port."
    )
    drain_probe_s: float = Field(
        default=1.0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="Seconds a stopping process still serves after it said it is not ready.",
    )
    drain_grace_s: float = Field(
        default=5.0,
        ge=0.1,
        le=300,
        allow_inf_nan=False,
        description="Seconds that running calls get to end after that.",
    )

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        pair = (self.tls_certificate_path, self.tls_key_path)
        if (pair[0] is None) != (pair[1] is None):
            raise ValueError("OCS_TLS_CERTIFICATE_PATH and OCS_TLS_KEY_PATH go together")
        if self.tls_client_ca_path is not None and pair[0] is None:
            raise ValueError("OCS_TLS_CLIENT_CA_PATH needs OCS_TLS_CERTIFICATE_PATH")
        return self

    @property
    def cves_accepted(self) -> frozenset[str]:
        """The CVE numbers of store_cves_accepted."""
        return frozenset(filter(None, self.store_cves_accepted.split(",")))

    metrics_listen: Annotated[str | None, AfterValidator(_check_metrics_listen)] = Field(
        default=None,
        description="Address of Prometheus metrics, host:port, plain HTTP; unset: none.",
    )
    otlp_url: Annotated[str | None, AfterValidator(_check_otlp_url)] = Field(
        default=None,
        description="Metrics endpoint of an OTLP collector (HTTP), e.g."
        " http://collector:4318/v1/metrics; unset: nothing is sent.",
    )
    otlp_interval_s: float = Field(
        default=15.0, ge=1, le=3600, allow_inf_nan=False, description="Seconds between sendings."
    )

    insights_listen: Annotated[str, AfterValidator(_check_listen)] = Field(
        default="127.0.0.1:7708",
        description="Address of the figures (`ocs insights`), host:port; port 0 = any free one.",
    )
    dashboard_listen: Annotated[str, AfterValidator(_check_listen)] = Field(
        default="127.0.0.1:7709",
        description="Address of the dashboard, host:port; port 0 = any free one. On loopback it is"
        " plain HTTP and open to whoever is on this machine; elsewhere it speaks TLS and asks for a"
        " token.",
    )
    insights_path: Path | None = Field(
        default=None,
        description="File of the figures; unset: insights.duckdb in data_dir. It may be removed:"
        " it is made anew from the journal.",
    )
    reporting_time_zone: Annotated[str, AfterValidator(_check_time_zone)] = Field(
        default="UTC",
        description="IANA time zone of reports: in its days and hours figures are told.",
    )

    @property
    def archive_path(self) -> Path:
        """The directory of the archive."""
        return self.archive_dir or self.data_dir / "archive"

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Host and port of the metrics, if there are to be any."""
        found = _LISTEN.fullmatch(self.metrics_listen) if self.metrics_listen else None
        return (found.group(1) or found.group(2), int(found.group(3))) if found else None

    @property
    def insights_address(self) -> tuple[str, int]:
        """Host and port of the figures."""
        return _listen_parts(self.insights_listen)

    @property
    def dashboard_address(self) -> tuple[str, int]:
        """Host and port of the dashboard."""
        return _listen_parts(self.dashboard_listen)

    @property
    def insights_file(self) -> Path:
        """Where the figures are kept."""
        return self.insights_path or self.data_dir / "insights.duckdb"

    @property
    def host(self) -> str:
        """The host to listen at, without the brackets of an IPv6 address."""
        return _listen_parts(self.listen)[0]

    @property
    def port(self) -> int:
        """The port to listen at; 0 = any free one."""
        return _listen_parts(self.listen)[1]

    @property
    def probes(self) -> tuple[str, int] | None:
        """Host and port of probe_listen."""
        return None if self.probe_listen is None else _listen_parts(self.probe_listen)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the sources know it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not a source of ours
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not a source of ours
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say which sources there are, the strongest first."""
        return init_settings, env_settings


def load_settings(config_path: Path | None = None, **overrides: object) -> Settings:
    """Read the settings once.

    Args:
        config_path: TOML file with settings by name; default the one OCS_CONFIG names, if any.
        overrides: Settings given on the command line; None = not given.

    Raises:
        SettingsError: with one line for each setting that breaks a rule.
    """
    if config_path is None and os.environ.get(CONFIG_VARIABLE):
        config_path = Path(os.environ[CONFIG_VARIABLE])
    values = {} if config_path is None else _read_file(config_path)
    in_environment = {name.upper() for name, value in os.environ.items() if value}
    for name in [name for name in values if _variable(name) in in_environment]:
        del values[name]
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = [_line(each) for each in error.errors(include_input=False, include_context=False)]
    raise SettingsError("\n".join(lines))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{CONFIG_VARIABLE}: must be UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: must be TOML: {error}") from None


def _line(error: ErrorDetails) -> str:
    if not error["loc"]:  # a rule between settings names them itself
        return error["msg"].removeprefix("Value error, ")
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{name}: is not a setting"
    return f"{_variable(name)}: {error['msg'].removeprefix('Value error, ')}"


def _variable(name: str) -> str:
    return f"{PREFIX}{name}".upper()
