"""Settings: where they come from, which wins, and what an error says."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ocs.settings import Settings, SettingsError, load_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ocs.toml"
    path.write_text('listen = "127.0.0.1:1"\nstore_connections = 8\nlog_level = "error"\n')
    return path


def refusal(*, config_path: Path | None = None, **overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(config_path, **overrides)
    return str(caught.value)


def test_everything_has_a_default() -> None:
    settings = load_settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 7707)
    assert settings.durability == "always"
    assert settings.store_url is None


def test_command_line_beats_environment_beats_file_beats_default(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCS_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("OCS_STORE_CONNECTIONS", "16")

    settings = load_settings(config, listen="127.0.0.1:3", store_connections=None)

    assert settings.port == 3
    assert settings.store_connections == 16
    assert settings.log_level == "error"
    assert settings.durability == "always"


def test_the_environment_names_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_CONFIG", str(config))

    assert load_settings().store_connections == 8


def test_an_empty_variable_is_none(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_STORE_CONNECTIONS", "")
    monkeypatch.setenv("OCS_CONFIG", "")

    assert load_settings(config).store_connections == 8
    assert load_settings().store_connections == 4


def test_settings_do_not_change() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError):
        settings.listen = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("localhost:0", "localhost", 0),
        ("[::1]:65535", "::1", 65_535),
        ("10.0.0.1:80", "10.0.0.1", 80),
    ],
)
def test_an_address_has_two_parts(listen: str, host: str, port: int) -> None:
    settings = load_settings(listen=listen)

    assert (settings.host, settings.port) == (host, port)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("listen", "127.0.0.1", "must be host:port"),
        ("listen", "127.0.0.1:65536", "must be host:port"),
        ("listen", "127.0.0.1:-1", "must be host:port"),
        ("listen", "127.0.0.1:\u0661", "must be host:port"),
        ("listen", "::1:7707", "must be host:port"),
        ("listen", "/tmp/socket", "must be host:port"),  # noqa: S108 - no file is made
        ("listen", "127.0.0.1:7707\n", "must be host:port"),
        ("probe_listen", "7708", "must be host:port"),
        ("reflection", "yes", "Input should be 'loopback', 'on' or 'off'"),
        ("store_cves_accepted", "all", "must be like CVE-2025-49844"),
        ("store_url", "http://store", "must start with one of redis:// rediss:// unix://"),
        ("durability", "sometimes", "Input should be 'memory', 'everysec' or 'always'"),
        ("store_connections", "3", "Input should be greater than or equal to 4"),
        ("store_connections", "65", "Input should be less than or equal to 64"),
        ("store_connections", "4.5", "Input should be a valid integer"),
        ("log_level", "INFO", "Input should be 'debug', 'info', 'warning' or 'error'"),
        ("log_stream", "file", "Input should be 'stdout' or 'stderr'"),
        ("calls_in_flight_max", "0", "Input should be greater than or equal to 1"),
        ("connections_max", "15", "Input should be greater than or equal to 16"),
        ("so_reuseport", "perhaps", "Input should be a valid boolean"),
        ("drain_probe_s", "-1", "Input should be greater than or equal to 0"),
        ("drain_probe_s", "nan", "Input should be a finite number"),
        ("drain_grace_s", "0", "Input should be greater than or equal to 0.1"),
        ("drain_grace_s", "inf", "Input should be"),
    ],
)
def test_an_error_names_variable_and_rule(
    name: str, value: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"OCS_{name.upper()}", value)

    text = refusal()

    assert text.startswith(f"OCS_{name.upper()}: {rule}")
    assert "\n" not in text


def test_every_error_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_LISTEN", "nowhere")

    lines = refusal(store_connections=1).splitlines()

    assert [line.split(":")[0] for line in lines] == ["OCS_LISTEN", "OCS_STORE_CONNECTIONS"]


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_STORE_URL", "redis://:hunter2@store")
    shown = repr(load_settings())
    monkeypatch.setenv("OCS_STORE_URL", "amqp://:hunter2@store")

    assert "hunter2" not in shown
    assert "hunter2" not in refusal()


def test_an_unknown_name_in_the_file_is_an_error(config: Path) -> None:
    config.write_text('listen_at = "127.0.0.1:1"\n')

    assert refusal(config_path=config) == "listen_at: is not a setting"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"listen = ", "OCS_CONFIG: must be TOML"),
        (b'listen = "\xff"', "OCS_CONFIG: must be UTF-8"),
        (None, "OCS_CONFIG: cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "ocs.toml"
    if content is not None:
        path.write_bytes(content)

    assert refusal(config_path=path).startswith(message)


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
