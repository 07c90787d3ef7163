"""`make fuzz CALLS=n`: whatever is sent, with whatever credential, the service answers rightly.

Never UNKNOWN, INTERNAL or silence; nothing of the inside in a status or an answer; the process
does not grow; every line of the log is one; and the books are right in the end.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

from loadtest import processes
from loadtest.flood import OK, Connection, connected
from loadtest.frames import call_headers
from ocs.client import AsyncClient, Identity
from ocs.rpc.roles import Role
from ocs.store.embedded import private_valkey
from ocs.upkeep import run_audit
from ocs.v1 import charging_service_pb2 as charging
from tests.campaigns.support.hostile import ACCOUNTS, LINES, Hostile
from tests.campaigns.support.report import Progress, Result
from tests.security.support import Known, credential, write

IN_FLIGHT: Final = 128
CONNECTIONS: Final = 4
TIMEOUT_S: Final = 60.0
GROWTH_MAX: Final = 0.10
# Of the calls; caches have their size then.
WARM_SHARE: Final = 0.3
VIOLATIONS_KEPT: Final = 50
NAMES: Final = dict(enumerate((
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)))  # fmt: skip
ALLOWED: Final = frozenset(
    {
        "OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "UNIMPLEMENTED", "UNAUTHENTICATED",
        "headers unread", "account busy",
    }
)  # fmt: skip
# Only of calls that ask for it.
HURRIED: Final = ALLOWED | {"DEADLINE_EXCEEDED", "CANCELLED"}
# grpc's own words for headers of its own that it cannot read; nothing of ours has begun.
_UNREADABLE: Final = b"Error parsing '"
# What an account says whose terms many change at once, to whoever comes between them.
_BUSY: Final = b"ACCOUNT_BUSY"
# A batch with less time than this may find it over at any point.
HURRIED_BELOW_MS: Final = 1_000
_INSIDE: Final = (
    b"traceback", b"exception", b"valkey", b"redis", b".lua", b".py", b".sock", b"/tmp/", b"errno",
    b"protobuf.message", b"user_function",
)  # fmt: skip


@dataclass(slots=True)
class Fuzz:
    """One run: draws calls, sends them, judges what comes back."""

    hostile: Hostile
    connections: list[Connection]
    credentials: list[tuple[bytes, bytes]]
    secret: tuple[bytes, ...]
    by_status: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    sent: int = 0
    ended: int = 0
    _headers: dict[tuple[str, int], bytes] = field(default_factory=dict)

    async def run(self, calls: int, progress: Progress) -> None:
        """Send so many, with some always under way."""
        over, began_s, before = asyncio.Event(), time.monotonic(), self.ended
        goal = self.sent + calls

        def go_on() -> None:
            if self.sent < goal:
                self._send(go_on)
            elif self.ended == self.sent:
                over.set()
            rate = (self.ended - before) / (time.monotonic() - began_s + 1e-9)
            if self.ended % 500 == 0:
                progress.say(
                    f"fuzz: {self.ended:,} of {goal:,} calls, {rate:,.0f}/s,"
                    f" {len(self.violations)} violations"
                )

        for _ in range(min(IN_FLIGHT, calls)):
            self._send(go_on)
        await over.wait()

    def _send(self, go_on: Callable[[], None]) -> None:
        kind, path, wire = self.hostile.draw()
        hurried, headers = self._metadata(path)
        self.sent += 1
        connection = self.connections[self.sent % len(self.connections)]

        def done(status: str, body: bytes, trailers: bytes) -> None:
            self.ended += 1
            self._judge(kind, path, wire, (status, body, trailers), hurried=hurried)
            go_on()

        connection.call(headers, wire, TIMEOUT_S, done)

    def _metadata(self, path: str) -> tuple[bool, bytes]:
        """Who calls, and now and then what no caller should say of itself."""
        rng = self.hostile.rng
        who = rng.randrange(len(self.credentials))
        if rng.random() < 0.95 and len(path) < 100:
            key = (path, who)
            if key not in self._headers:
                asked = (b"grpc-timeout", f"{TIMEOUT_S:.0f}S".encode())
                self._headers[key] = call_headers(path, asked, self.credentials[who])
            return False, self._headers[key]
        extra = [self.credentials[who]]
        for _ in range(rng.randrange(1, 6)):
            name = rng.choice(
                (
                    b"x-a",
                    b"x-b-bin",
                    b"user-agent",
                    b"grpc-encoding",
                    b"tenant",
                    b"authorization",
                    b"grpc-previous-rpc-attempts",
                    b"x-forwarded-for",
                )
            )
            value = bytes(rng.choices(range(0x21, 0x7F), k=rng.choice((0, 1, 20, 900))))
            if name not in (b"grpc-encoding", b"authorization") or rng.random() < 0.2:
                extra.append((name, value))
        hurried = rng.random() < 0.3
        timeout = rng.choice((b"1n", b"1u", b"3m", b"5m", b"6m", b"9m")) if hurried else b"60S"
        return hurried, call_headers(path, (b"grpc-timeout", timeout), *extra)

    def _judge(
        self, kind: str, path: str, wire: bytes, answer: tuple[str, bytes, bytes], *, hurried: bool
    ) -> None:
        status, body, trailers = answer
        name = NAMES[int(status)] if status.isdigit() else status
        if name == "INTERNAL" and _UNREADABLE in trailers:
            name = "headers unread"
        elif name == "UNAVAILABLE" and _BUSY in trailers:
            name = "account busy"
        self.by_status[name] += 1
        self.by_kind[kind] += 1
        if name not in (HURRIED if hurried else ALLOWED):
            self._violated(f"{name} to {kind} {path}: {wire[:300]!r} {trailers[-300:]!r}")
        said = trailers.lower()
        told = [word for word in _INSIDE if word in said]
        told += [word for word in self.secret if word in trailers or word in body]
        if told:
            self._violated(f"{name} to {kind} {path} tells {told}: {trailers[-300:]!r}")
        if status == OK and path.endswith("/ChargeStream"):
            self._judge_batch(kind, wire, body)
        if status == OK and path.endswith("/Reserve"):
            reservation = charging.ReserveResponse.FromString(body).reservation
            if reservation:
                self.hostile.reservations.append(reservation)

    def _judge_batch(self, kind: str, wire: bytes, body: bytes) -> None:
        """A stream ends OK; what its one batch, or each item, was told is held to the same."""
        response = charging.ChargeStreamResponse.FromString(body)
        told = [answer.error for answer in response.answers if answer.HasField("error")]
        self.by_status["item OK"] += len(response.answers) - len(told)
        if response.HasField("status"):
            told.append(response.status)
        # A batch says itself how long it has.
        hurried = response.answers and 0 < _timeout_ms(wire) < HURRIED_BELOW_MS
        late = {"DEADLINE_EXCEEDED"} | ({"UNAVAILABLE"} if hurried else set())
        allowed = ALLOWED | late
        for status in told:
            name, said = NAMES[status.code], status.SerializeToString()
            if name == "UNAVAILABLE" and _BUSY in said:
                name = "account busy"
            self.by_status[f"item {name}"] += 1
            if name not in allowed:
                self._violated(f"{name} in a batch, {kind}: {wire[:300]!r} {said[-300:]!r}")
            inside = [word for word in _INSIDE if word in said.lower()]
            if inside:
                self._violated(f"{name} in a batch tells {inside}: {said[-300:]!r}")

    def _violated(self, text: str) -> None:
        if len(self.violations) < VIOLATIONS_KEPT:
            self.violations.append(text)


def _timeout_ms(wire: bytes) -> int:
    """How long a batch that was executed gave itself; 0 = it did not say."""
    return charging.ChargeStreamRequest.FromString(wire).timeout_ms


async def open_accounts(address: str, operator: Known) -> None:
    """Open the accounts that right requests name, with lines and money, in both currencies."""
    async with AsyncClient(address, token=operator.token, timeout_s=30) as client:
        for number, account_id in enumerate(ACCOUNTS):
            await client.create_account(account_id, currency="EUR", plan="prepaid")
            await client.top_up(
                account_id, payment_reference=f"p-{account_id}", micros=10**12, currency="EUR"
            )
            for place, line in enumerate(LINES):
                identity = Identity.msisdn(f"4915{2 * number + place:06d}")
                await client.add_subscriber(account_id, line, identities=[identity])


@dataclass(frozen=True, slots=True)
class Served:
    """A service to fuzz."""

    pid: int
    address: str
    known: dict[str, Known]
    store_url: str
    log_path: Path
    directory: Path


@contextmanager
def served(directory: Path) -> Iterator[Served]:
    """Run `ocs serve` with a credential of each role, and one with all of them."""
    known = {role.value: credential(role.value, role.value) for role in Role}
    known["all"] = credential("all")
    write(directory / "credentials", list(known.values()))
    with private_valkey(directory, "everysec") as store:
        settings = {
            "OCS_CREDENTIALS_PATH": str(directory / "credentials"),
            "OCS_DURABILITY": store.durability,
        }
        log_path = directory / "log"
        with processes.service(store.url, log_path, settings) as (server, address):
            yield Served(server.pid, address, known, store.url, log_path, directory)


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in use."""
    text = Path(f"/proc/{pid}/statm").read_text("ascii")
    return int(text.split()[1]) * 4096


async def run_calls(fuzz: Fuzz, served: Served, calls: int, progress: Progress) -> float:
    """Send all; return by what share the process grew between a warm point and the end."""
    warm = int(calls * WARM_SHARE)
    await fuzz.run(warm, progress)
    before = resident_bytes(served.pid)
    await fuzz.run(calls - warm, progress)
    return resident_bytes(served.pid) / before - 1


def bad_lines(log_path: Path) -> list[str]:
    """Lines of the log that are none, and those that tell of a fault."""
    found = []
    with log_path.open("rb") as log:
        for line in log:
            try:
                event = json.loads(line)["event"]
            except (ValueError, KeyError, TypeError):
                found.append(f"log: no line: {line[:300]!r}")
            else:
                if event == "rpc failed":
                    found.append(f"log: {line[:2000].decode('utf-8', 'replace')}")
    return found[:VIOLATIONS_KEPT]


async def fuzz_on(served: Served, calls: int, seed: int, progress: Progress) -> Result:
    """Run on a service that serves."""
    await open_accounts(served.address, served.known["all"])
    shown = [(b"authorization", b"Bearer " + k.token.encode()) for k in served.known.values()]
    # Most calls are by who may make them; then every role, nobody, and who guesses.
    everyone = [shown[-1]] * 8 + shown[:-1]
    everyone += [(b"x-no", b"credential"), (b"authorization", b"Bearer guess")]
    secret = (*(k.token.encode() for k in served.known.values()), str(served.directory).encode())
    async with connected(served.address, CONNECTIONS) as connections:
        fuzz = Fuzz(Hostile(random.Random(seed)), connections, everyone, secret)
        began_s = time.monotonic()
        grown = await run_calls(fuzz, served, calls, progress)
        seconds = time.monotonic() - began_s
    violations = fuzz.violations + bad_lines(served.log_path)
    if grown > GROWTH_MAX:
        violations.append(f"the process grew by {grown:.1%}")
    report = await asyncio.to_thread(
        run_audit, store_url=served.store_url, data_dir=None, on_progress=None
    )
    violations += [f"audit: {difference}" for difference in report.differences]
    return Result(
        "fuzz",
        seed,
        {
            "calls": fuzz.ended,
            "seconds": seconds,
            "calls a second": fuzz.ended / seconds,
            "kinds": dict(fuzz.by_kind.most_common()),
            "answers": dict(fuzz.by_status.most_common()),
            "growth of the process": f"{grown:+.1%}",
            "audit": f"{report.difference_count} differences, {report.event_count:,} events",
        },
        violations,
    )


def run_fuzz(directory: Path, calls: int, seed: int, progress: Progress | None = None) -> Result:
    """Run the campaign in a directory."""
    with served(directory) as service:
        return uvloop.run(fuzz_on(service, calls, seed, progress or Progress(shown=False)))


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    print(f"fuzz: seed {options.seed}", flush=True)
    progress = Progress()
    with tempfile.TemporaryDirectory() as directory:
        result = run_fuzz(Path(directory), options.calls, options.seed, progress)
    progress.end()
    return result.conclude()


if __name__ == "__main__":
    sys.exit(main())
