"""The drivers against a service that asks who calls, over TLS, as a load tester would."""

import asyncio
import os
from pathlib import Path

import pytest

from loadtest.access import AccessError, Door
from loadtest.open_loop import NOT_SUSTAINED
from ocs.store.embedded import private_valkey
from tests.loadtest.test_load import run
from tests.security.pki import authority
from tests.security.support import credential, guarded, write

pytestmark = pytest.mark.xdist_group("services")

ACCOUNTS = ("--accounts", "4")
DRIVERS = {
    # Long enough for users that a busy machine lets begin late: one call in five is a top-up.
    "loadtest.load": (*ACCOUNTS, "--seconds", "6", "--users", "5"),
    "loadtest.open_loop": (*ACCOUNTS, "--seconds", "2", "--rate", "20", "--callers", "2"),
}


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_driver_shows_its_token_over_tls(tmp_path: Path, driver: str) -> None:
    ours = authority(tmp_path, "ours")
    pair = ours.issue("service")
    caller = credential("tester", "gateway", "top_up", "operator")
    write(tmp_path / "credentials", [caller])
    token, root = tmp_path / "token", tmp_path / "ca.pem"
    token.write_text(caller.token)
    root.write_bytes(ours.root)
    with private_valkey(tmp_path / "store") as store:
        async with guarded(
            store,
            credentials_path=tmp_path / "credentials",
            tls_certificate_path=pair.certificate,
            tls_key_path=pair.key,
        ) as server:
            settings = {
                "OCS_ADDRESS": server.address,
                "OCS_STORE_URL": store.url,
                "OCS_TOKEN_FILE": str(token),
                "OCS_TLS_CA": str(root),
            }
            out = ("--out", str(tmp_path / "out"))

            status, said = await asyncio.to_thread(run, driver, *DRIVERS[driver], *out, **settings)

    assert "audit: ok (4 accounts, " in said, said
    assert "0  unexpected failures" in said
    assert status in {0, NOT_SUSTAINED}, said


def test_a_token_is_not_sent_in_clear_text_to_another_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCS_TOKEN", "secret-token")

    with pytest.raises(AccessError, match="clear text") as refused:
        Door.of("service.example:7707")

    assert "secret-token" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OCS_TLS_CA", os.fspath(tmp_path / "none.pem"))

    with pytest.raises(AccessError, match="--tls-ca: cannot be read"):
        Door.of("127.0.0.1:7707")
