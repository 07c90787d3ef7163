"""The credentials file: read at the start, and again when it changes.

A file that cannot be used changes nothing: the credentials before stay, and that is logged and
counted. To shut everyone out, write a file without entries.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from ocs.limits import CREDENTIALS_BYTES_MAX
from ocs.rpc.credentials import Credentials, CredentialsError, parse_credentials
from ocs.rpc.identity import CredentialGate

LOOK_S: Final = 1.0
_SETTING: Final = "OCS_CREDENTIALS_PATH"

Stamp = tuple[int, int, int]


class CredentialFile:
    """Keeps a gate at what the file says.

    on_reload: told at each change whether the new state is used. Raises CredentialsError.
    """

    def __init__(self, path: Path, on_reload: Callable[[bool], None]) -> None:
        self._path = path
        self._on_reload = on_reload
        self._seen = _stamp(path)
        self.gate = CredentialGate(_read(path))

    async def watch(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Look once."""
        # In a thread: the file may lie on a network.
        stamp = await asyncio.to_thread(_stamp, self._path)
        if stamp == self._seen:
            return
        log = structlog.get_logger()
        try:
            credentials = await asyncio.to_thread(_read, self._path)
        except CredentialsError as error:
            self._on_reload(False)  # noqa: FBT003 - the one thing it tells
            why = str(error)  # names entry and rule; a traceback adds nothing
            log.error("credentials kept: the new ones are unfit", why=why)  # noqa: TRY400
        else:
            self.gate.use(credentials)
            self._on_reload(True)  # noqa: FBT003 - the one thing it tells
            log.info("credentials reloaded", count=credentials.count)
        self._seen = stamp


def _stamp(path: Path) -> Stamp | None:
    """What changes when the file does; None if it cannot be looked at."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _read(path: Path) -> Credentials:
    try:
        with path.open("rb") as file:
            content = file.read(CREDENTIALS_BYTES_MAX + 1)
    except OSError as error:
        raise CredentialsError(f"{_SETTING}: cannot be read: {error.strerror}") from None
    if len(content) > CREDENTIALS_BYTES_MAX:
        raise CredentialsError(f"{_SETTING}: must be at most {CREDENTIALS_BYTES_MAX} bytes")
    try:
        return parse_credentials(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise CredentialsError(f"{_SETTING}: must be UTF-8") from None
    except CredentialsError as error:
        raise CredentialsError(f"{_SETTING}: {error}") from None
