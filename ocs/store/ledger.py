"""The Ledger port over Valkey: one script per command, batched, never retried with another id.

A lost connection leaves the outcome unknown. Because every mutation is recorded under its
request_id inside the script, sending the same command again is safe, and done while the caller's
deadline lasts; then the caller is told STORE_UNAVAILABLE and may do the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from redis.asyncio.connection import ConnectionPool
from redis.exceptions import (
    OutOfMemoryError,
    ResponseError,
)

from ocs.domain.answer import Answer, Reason
from ocs.domain.audit import UnreadableAccountError
from ocs.domain.commands import Commit, Expire, Mutation, Release, Reserve
from ocs.domain.known import Profile, ReservationFacts
from ocs.domain.reservation import Step
from ocs.domain.state import AccountState
from ocs.limits import CLOCK_SKEW_MAX_MS, DEADLINE_DEFAULT_MS, EXPIRE_ROUNDS_MAX
from ocs.store import keys
from ocs.store.account_encoders import holder_key
from ocs.store.answers import read_answer, read_expired
from ocs.store.caps import CapSpeller
from ocs.store.encode import check_bindings, encode
from ocs.store.generations import Generations
from ocs.store.layout import (
    read_account_terms,
    read_caps,
    read_facts,
    read_identities,
    read_reservation,
    undash,
)
from ocs.store.pipeline import Argument, Pipeline, Reply, StoreLostError
from ocs.store.replies import fields_of, text_of, texts_of
from ocs.store.scripts import load_scripts
from ocs.store.snapshot import read_state

_PROFILES_KEPT: Final = 65_536
_FACTS_KEPT: Final = 131_072
_RETRY_PAUSE_S: Final = 0.02
_RETRY_PAUSE_MAX_S: Final = 0.5
_STALE: Final = "!STALE_RESERVATION "
_BEFORE_RECORD: Final = (b"!CLOCK_SKEW ", b"!DEADLINE_PASSED ")

AccountRef: TypeAlias = tuple[str, str]


class ValkeyLedger:
    """Ledger over one Valkey node.

    now_ms: the service's clock. test_clock: replaces the store's clock in tests.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        connections: int,
        now_ms: Callable[[], int],
        test_clock: Callable[[], int] | None = None,
    ) -> None:
        self._pipelines = [Pipeline(pool) for _ in range(connections)]
        self._library = load_scripts()
        check_bindings(self._library.scripts)
        self._functions = {
            name: self._library.function_name(name) for name in self._library.scripts
        }
        self._now_ms = now_ms
        self._test_clock = test_clock
        self._caps_text = CapSpeller(test_clock or now_ms)
        self._profiles: Generations[tuple[str, str, str], Profile] = Generations(_PROFILES_KEPT)
        self._facts: Generations[tuple[str, str, str], ReservationFacts] = Generations(_FACTS_KEPT)

    @property
    def pipelines(self) -> Sequence[Pipeline]:
        """Its connections, for telemetry and the other store adapters."""
        return self._pipelines

    @property
    def test_clock(self) -> Callable[[], int] | None:
        """What replaces the store's clock in tests."""
        return self._test_clock

    def pipeline_of(self, tenant: str, account_id: str) -> Pipeline:
        """Return the connection of an account's partition; fixed, so its calls keep their order."""
        return self._pipelines[keys.keys_of(tenant, account_id).partition % len(self._pipelines)]

    async def close(self) -> None:
        """Finish what is queued and close."""
        for pipeline in self._pipelines:
            await pipeline.close()

    # Commands.

    async def execute(self, command: Mutation) -> Answer:
        """Run a mutation; rounds of expiry included."""
        answer = await self._execute_once(command)
        for _ in range(1, EXPIRE_ROUNDS_MAX):
            if answer.reason is not Reason.EXPIRE_MORE:
                break
            answer = await self._execute_once(command)
        return answer

    async def _execute_once(self, command: Mutation) -> Answer:
        server_ms = self._now_ms()
        if command.deadline_ms == 0:
            command.deadline_ms = server_ms + DEADLINE_DEFAULT_MS
        now_ms = "" if self._test_clock is None else str(self._test_clock())
        name, script_keys, argv = encode(command, now_ms, server_ms, self._caps_text)
        pipeline = self.pipeline_of(command.tenant, command.account_id)
        reply = await self.call(pipeline, name, script_keys, argv, command.deadline_ms)
        if isinstance(reply, Reason):
            return Answer(0, server_ms, reason=reply)
        line = reply.decode()
        if line.startswith(_STALE):
            self._remember_facts(command, line)
            _, seq, store_ms, _ = line.split(" ", 3)
            return Answer(int(seq), int(store_ms), reason=Reason.STALE_RESERVATION)
        answer = read_answer(line)
        if answer.reason is Reason.STALE_PROFILE:
            self._caps_text.saw(command.tenant, command.account_id, answer.store_ms)
        if answer.granted_units and isinstance(command, Reserve | Commit):
            facts = command.facts()
            if facts is not None:
                ref = (command.tenant, command.account_id, answer.reservation_id)
                self._facts.put(ref, facts)
        elif answer.reason is None and _ends(command):
            # Hardly anybody asks for it again: what is remembered are those that are open.
            self._facts.drop((command.tenant, command.account_id, answer.reservation_id))
        return answer

    def _remember_facts(self, command: Mutation, line: str) -> None:
        reservation_id = getattr(command, "reservation_id", "")
        facts = read_facts(line.split(" ", 3)[3])
        self._facts.put((command.tenant, command.account_id, reservation_id), facts)

    async def expire(self, command: Expire) -> Answer:
        """Expire what is due, round by round; expired_count sums up."""
        at = (command.tenant, command.account_id)
        partition = keys.partition_of(*at)
        script_keys = [
            keys.account_key(*at),
            keys.journal_key(partition),
            keys.due_key(partition),
            keys.holds_key(*at),
        ]
        expired = 0
        answer = Answer(0, 0, reason=Reason.EXPIRE_MORE)
        for _ in range(EXPIRE_ROUNDS_MAX):
            server_ms = self._now_ms()
            deadline_ms = server_ms + DEADLINE_DEFAULT_MS
            now_ms = "" if self._test_clock is None else str(self._test_clock())
            argv: list[Argument] = ["/".join(at), now_ms, server_ms, deadline_ms]
            reply = await self.call(self.pipeline_of(*at), "expire", script_keys, argv, deadline_ms)
            if isinstance(reply, Reason):
                return Answer(0, server_ms, reason=reply)
            answer, count = read_expired(reply.decode())
            expired += count
            if answer.reason is not Reason.EXPIRE_MORE:
                break
        answer.expired_count = expired
        return answer

    async def call(
        self,
        pipeline: Pipeline,
        name: str,
        script_keys: Sequence[str],
        argv: Sequence[Argument],
        deadline_ms: int,
    ) -> bytes | Reason:
        """Run a script until it answers or the deadline is near; safe for recorded mutations."""
        function = self._functions[name]
        pause = _RETRY_PAUSE_S
        lost = False
        while True:
            try:
                reply = await pipeline.send(
                    "FCALL", function, len(script_keys), *script_keys, *argv
                )
            except StoreLostError:
                lost = True
                if self._now_ms() + pause * 1000 >= deadline_ms:
                    return Reason.STORE_UNAVAILABLE
                await asyncio.sleep(pause)
                pause = min(2 * pause, _RETRY_PAUSE_MAX_S)
                continue
            if isinstance(reply, bytes) and not lost:
                return reply
            if isinstance(reply, ResponseError) and "Function not found" in str(reply):
                # Nothing ran. The store is new, or failed over to one that is.
                loaded = await self.load(pipeline)
                if isinstance(loaded, Reason):
                    return loaded
                continue
            if lost and (not isinstance(reply, bytes) or reply.startswith(_BEFORE_RECORD)):
                # Refused before the record was looked at: the attempt that was lost may have run.
                return Reason.STORE_UNAVAILABLE
            if isinstance(reply, int):
                return b"%d" % reply
            return reply if isinstance(reply, bytes) else reason_of(reply)

    async def load(self, pipeline: Pipeline) -> Reason | None:
        """Give the store the function library; harmless if it has it."""
        reply = await self._command(pipeline, "FUNCTION", "LOAD", "REPLACE", self._library.text)
        return reply if isinstance(reply, Reason) else None

    async def doubt(self) -> Reason | None:
        """Say why no grant should be asked for now: the store takes no write, or clocks differ."""
        pipeline = self._pipelines[0]
        time = await self._command(pipeline, "TIME")
        if isinstance(time, Reason):
            return time
        seconds, micros = map(int, texts_of(time))
        if abs(seconds * 1000 + micros // 1000 - self._now_ms()) > CLOCK_SKEW_MAX_MS:
            return Reason.CLOCK_SKEW
        written = await self._command(pipeline, "SET", keys.probe_key(), "1", "PX", "1000")
        return written if isinstance(written, Reason) else None

    async def _command(self, pipeline: Pipeline, *command: Argument) -> Reply | Reason:
        try:
            reply = await pipeline.send(*command)
        except StoreLostError:
            return Reason.STORE_UNAVAILABLE
        return reason_of(reply) if isinstance(reply, ResponseError) else reply

    # Reads.

    async def profile(
        self, tenant: str, account_id: str, subscriber_id: str, *, fresh: bool = False
    ) -> Profile | Answer:
        """Read what a charge needs to know; kept until a script says it is stale."""
        ref = (tenant, account_id, subscriber_id)
        found = None if fresh else self._profiles.get(ref)
        if found is not None:
            return found
        try:
            read = await self._read_profile(tenant, account_id, subscriber_id)
        except (IndexError, KeyError, ValueError):  # a stored text that does not parse
            read = Reason.STATE_CORRUPT
        if isinstance(read, Reason):
            return Answer(0, self._now_ms(), reason=read)
        self._profiles.put(ref, read)
        return read

    async def _read_profile(
        self, tenant: str, account_id: str, subscriber_id: str
    ) -> Profile | Reason:
        at = (tenant, account_id)
        # The version first: if a cap changes in between, the script finds the profile stale.
        state = await self._hash(at, keys.account_key(*at))
        if isinstance(state, Reason):
            return state
        if not state:
            return Reason.ACCOUNT_NOT_FOUND
        fields = await self._hash(at, keys.profile_key(*at))
        if isinstance(fields, Reason):
            return fields
        version = int(state["state"].split(" ")[1])
        caps = read_caps("account", fields)
        groups: tuple[str, ...] = ()
        identities: tuple[tuple[str, str], ...] = ()
        if subscriber_id:
            own = await self._hash(at, keys.subscriber_key(*at, subscriber_id))
            if isinstance(own, Reason):
                return own
            if not own:
                return Reason.SUBSCRIBER_NOT_FOUND
            caps += read_caps(f"subscriber/{subscriber_id}", own)
            identities = read_identities(own["identities"])
            groups = tuple(filter(None, undash(own["groups"]).split(",")))
            for group in groups:
                holder = f"group/{group}"
                shared = await self._hash(at, holder_key(*at, holder))
                if isinstance(shared, Reason):
                    return shared
                caps += read_caps(holder, shared)
        terms = read_account_terms(fields["terms"])
        return Profile(
            tenant, account_id, version, terms, subscriber_id, groups, tuple(caps), identities
        )

    async def _hash(self, at: AccountRef, key: str) -> dict[str, str] | Reason:
        reply = await self._command(self.pipeline_of(*at), "HGETALL", key)
        if isinstance(reply, Reason):
            return reply
        return fields_of(reply)

    async def reservation_facts(
        self, tenant: str, account_id: str, reservation_id: str, *, fresh: bool = False
    ) -> ReservationFacts | None:
        """Return what this server remembers; the script corrects it with STALE_RESERVATION."""
        ref = (tenant, account_id, reservation_id)
        if not fresh:
            return self._facts.get(ref)
        pipeline = self.pipeline_of(tenant, account_id)
        reply = await self._command(pipeline, "GET", keys.reservation_key(*ref))
        if reply is None or isinstance(reply, Reason):
            return None
        try:
            found = read_reservation(reservation_id, text_of(reply))
        except ValueError:  # it does not parse; the script will say so
            return None
        facts = ReservationFacts.of(found)
        self._facts.put(ref, facts)
        return facts

    async def snapshot(
        self, tenant: str, account_id: str, group_id: str = ""
    ) -> tuple[AccountState, int] | Answer:
        """Read an account in one transaction."""
        try:
            pipeline = self.pipeline_of(tenant, account_id)
            state = await read_state(pipeline, tenant, account_id, group_id)
        except StoreLostError:
            return Answer(0, self._now_ms(), reason=Reason.STORE_UNAVAILABLE)
        except ResponseError as error:
            return Answer(0, self._now_ms(), reason=reason_of(error))
        except UnreadableAccountError:
            return Answer(0, self._now_ms(), reason=Reason.STATE_CORRUPT)
        if state is None:
            return Answer(0, self._now_ms(), reason=Reason.ACCOUNT_NOT_FOUND)
        found, store_ms = state
        if self._test_clock is not None:
            store_ms = self._test_clock()
        return found, max(store_ms, found.floor_ms)


def _ends(command: Mutation) -> bool:
    """Whether a reservation has ended once this is done."""
    return isinstance(command, Release) or (
        isinstance(command, Commit) and command.step is Step.CLOSE
    )


def reason_of(reply: Reply) -> Reason:
    """Say what a refusal of the store means; its text never leaves the service."""
    if isinstance(reply, OutOfMemoryError):
        return Reason.STORE_FULL
    text = str(reply)
    # A script raises by itself (user_function) only at figures that do not parse.
    if "STATE_CORRUPT" in text or text.startswith(("WRONGTYPE", "user_function:")):
        return Reason.STATE_CORRUPT
    if text.startswith("OOM"):
        return Reason.STORE_FULL
    return Reason.STORE_UNAVAILABLE if isinstance(reply, ResponseError) else Reason.INTERNAL
