"""A proxy in front of the store that holds one script back, with all that comes after it.

What was sent before has run and is answered; the script itself never reaches the store. So a
process can be killed between two scripts of one operation, wherever in its code that is.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import hiredis


@dataclass(slots=True)
class Gate:
    """Which script is held, by name; empty: none. held: set once one is."""

    script: str = ""
    held: asyncio.Event = field(default_factory=asyncio.Event)

    def stops(self, command: list[Any]) -> bool:
        """Say whether a command is the one, and note it."""
        if command[0].upper() == b"FCALL":
            # The name of a function ends with the library's digest.
            name, _, _ = command[1].decode().rpartition("_")
            if name == self.script:
                self.held.set()
        return self.held.is_set()


@dataclass(slots=True)
class GateLink:
    """One connection through the gate; commands go on whole."""

    gate: Gate
    _commands: Any = field(default_factory=hiredis.Reader)

    def request(self, data: bytes) -> bytes:
        """Pass on what comes before the script that is held."""
        self._commands.feed(data)
        onward = b""
        while (command := self._commands.gets()) is not False:
            if self.gate.stops(command):
                break
            onward += hiredis.pack_command(tuple(command))
        return onward

    def reply(self, data: bytes) -> tuple[bytes, bool]:
        """Pass on what comes back."""
        return data, False
