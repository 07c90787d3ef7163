"""The Lua side of the model: real scripts in a real Valkey, called one at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ocs.domain.answer import Answer, Reason
from ocs.domain.charging_event import ChargingEvent, decode_event
from ocs.domain.commands import Expire, Mutation, Reserve
from ocs.domain.reservation import ReservationState
from ocs.domain.spending_cap import group_holder, subscriber_holder
from ocs.domain.state import AccountState
from ocs.store import keys, layout
from ocs.store.answers import read_answer, read_expired, read_record
from ocs.store.caps import CapSpeller
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.store.encode import encode
from ocs.store.scripts import ScriptLibrary, load_scripts

# A mutant may loop for ever.
SCRIPT_TIMEOUT_S = 20


class ScriptFailedError(Exception):
    """A script raised: the model treats it as a difference."""


class ValkeySide:
    """Accounts behind the scripts, on a clock of the test's own."""

    def __init__(self, store: EmbeddedValkey) -> None:
        self.now_ms = 0
        self.client = redis.Redis(
            unix_socket_path=str(store.socket_path),
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            socket_timeout=SCRIPT_TIMEOUT_S,
        )
        self._store = store
        self._caps = CapSpeller(lambda: self.now_ms)
        self._library = load_scripts()
        self._read_to: dict[int, str] = {}
        self.positions: dict[tuple[str, int], str] = {}
        self.lines: dict[tuple[str, int], str] = {}
        self.due_ms = 0
        self.load(self._library)

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start a private server."""
        return cls(private_valkey(directory))

    def stop(self) -> None:
        """Stop the server."""
        self.client.close()
        self._store.stop()

    def kill(self) -> None:
        """End the server, whatever it is doing."""
        self.client.close()
        self._store.kill()
        self._store.stop()

    def answers(self) -> bool:
        """Tell whether the server is free, and not held up by a script that does not end."""
        try:
            return bool(self.client.ping())
        except (redis.ResponseError, redis.TimeoutError, redis.ConnectionError):
            return False

    def load(self, library: ScriptLibrary) -> None:
        """Load a function library (mutants have their own)."""
        self._library = library
        self.client.function_flush()
        self.client.function_load(library.text)

    def clear(self) -> None:
        """Forget all data, keep the scripts."""
        self.client.flushall()
        self._read_to = {}
        self.positions = {}
        self.lines = {}
        self._caps = CapSpeller(lambda: self.now_ms)

    def execute(self, command: Mutation) -> Answer:
        """Run one round of a mutation; once more, as the ledger does, if its caps were stale."""
        answer = self._execute(command)
        profile = getattr(command, "profile", None)
        if answer.reason is Reason.STALE_PROFILE and profile is not None and profile.caps:
            self._caps.saw(command.tenant, command.account_id, answer.store_ms)
            answer = self._execute(command)
        return answer

    def _execute(self, command: Mutation) -> Answer:
        name, script_keys, argv = encode(command, str(self.now_ms), self.now_ms, self._caps)
        line = self._run(name, script_keys, argv)
        if line.startswith("!STALE_RESERVATION"):
            line = " ".join(line.split(" ")[:3])
        return read_answer(line)

    def expire(self, command: Expire) -> Answer:
        """Run one round of expiry."""
        at = (command.tenant, command.account_id)
        partition = keys.partition_of(*at)
        script_keys = [
            keys.account_key(*at),
            keys.journal_key(partition),
            keys.due_key(partition),
            keys.holds_key(*at),
        ]
        answer, count = read_expired(
            self._run("expire", script_keys, ["/".join(at), str(self.now_ms), 0, 0])
        )
        answer.expired_count = count
        return answer

    def _run(self, name: str, script_keys: list[str], argv: list[str | bytes | int]) -> str:
        try:
            return str(
                self.client.fcall(
                    self._library.function_name(name),
                    len(script_keys),
                    *script_keys,
                    *argv,
                )
            )
        except redis.ResponseError as error:
            raise ScriptFailedError(f"{name}: {error}") from error

    def new_events(self, partition: int) -> list[ChargingEvent]:
        """Read what was journaled since the last look."""
        after = self._read_to.get(partition, "-")
        start = "-" if after == "-" else f"({after}"
        entries: Any = self.client.xrange(keys.journal_key(partition), start, "+")
        if entries:
            self._read_to[partition] = entries[-1][0]
        events = [decode_event(fields["e"]) for _, fields in entries]
        for event, (position, fields) in zip(events, entries, strict=True):
            self.positions[(event.account_id, event.seq)] = position
            self.lines[(event.account_id, event.seq)] = fields["e"]
        return events

    def let_go(self) -> None:
        """Trim what was journaled, as an archiver does."""
        for partition, last in self._read_to.items():
            self.client.xtrim(keys.journal_key(partition), minid=last, approximate=False)
            marks: Any = {"epoch": 1, "position": last, "trimmed": last}
            self.client.hset(keys.archive_key(partition), mapping=marks)

    def lapsed_holds(self, command: Reserve) -> list[str]:
        """Holds past their deadline that the line of a grant, or a group of it, still keeps."""
        profile = command.profile
        at = (command.tenant, command.account_id)
        lines = [profile.subscriber_id] if profile.subscriber_id else []
        names = [keys.subscriber_key(*at, line) for line in lines]
        names += [keys.group_key(*at, group) for group in profile.group_ids]
        hashes: list[Any] = [self.client.hgetall(name) for name in names]
        return [
            field
            for fields in hashes
            for field, text in fields.items()
            if field.startswith("h:") and int(text.split(" ")[0]) <= self.now_ms
        ]

    def read(self, like: AccountState) -> AccountState | None:
        """Read everything about an account.

        like: the specification's state; names the reservations, sessions and records to look for.
        """
        at = (like.tenant, like.account_id)
        reservations, requests = list(like.reservations), list(like.records)
        sessions = sorted(like.sessions)
        holders = _holders_of(at, like)
        payments = sorted(like.credits)
        path = "/".join(at)
        pipe = self.client.pipeline(transaction=False)
        hashes = [keys.account_key(*at), keys.profile_key(*at), keys.holds_key(*at)]
        for key in [*hashes, *(key for _, key in holders)]:
            pipe.hgetall(key)
        texts = [keys.session_key(*at, *ref) for ref in sessions]
        texts += [keys.reservation_key(*at, reservation_id) for reservation_id in reservations]
        texts += [keys.request_key(*at, request_id) for request_id in requests]
        for key in texts:
            pipe.get(key)
        for payment in payments:
            pipe.get(keys.payment_key(*at, payment))
        refunded = sorted(like.refunded)
        for seq in refunded:
            pipe.get(keys.refund_key(*at, seq))
        pipe.zscore(keys.due_key(keys.partition_of(*at)), path)
        pipe.smembers(keys.subscribers_key(*at))
        replies = iter(pipe.execute())
        account, profile, holds = next(replies), next(replies), next(replies)
        if not account:
            return None
        state = _account(at, account, profile, holds)
        for holder, _ in holders:
            _add_holder(state, holder, next(replies), account["state"], self.now_ms)
        found = {ref: next(replies) for ref in sessions}
        state.sessions = {ref: layout.read_session(text) for ref, text in found.items() if text}
        texts_by_id = {rid: next(replies) for rid in reservations}
        state.reservations = {
            rid: layout.read_reservation(rid, text) for rid, text in texts_by_id.items() if text
        }
        texts_by_id = {request_id: next(replies) for request_id in requests}
        state.records = {rid: read_record(text) for rid, text in texts_by_id.items() if text}
        credited = {payment: next(replies) for payment in payments}
        state.credits = {p: layout.read_credit(text) for p, text in credited.items() if text}
        refunds = {seq: next(replies) for seq in refunded}
        state.refunded = {s: layout.read_refunded(text) for s, text in refunds.items() if text}
        listed = self.client.zscore(keys.accounts_key(keys.partition_of(*at)), path)
        assert listed == 0, f"{path} is not in the list of accounts"
        due = int(account["state"].split(" ")[4])
        assert (next(replies) or 0) == due, f"deadline of {path} in the due index is not {due}"
        self.due_ms = due
        assert next(replies) == set(like.subscribers), "the set of lines"
        return state


def _holders_of(at: tuple[str, str], like: AccountState) -> list[tuple[str, str]]:
    """Names and keys of the lines and groups that may have caps."""
    groups = {group for names in like.subscribers.values() for group in names}
    groups |= {holder[6:] for holder, _ in like.caps if holder.startswith("group/")}
    holders = [(subscriber_holder(s), keys.subscriber_key(*at, s)) for s in like.subscribers]
    return holders + [(group_holder(g), keys.group_key(*at, g)) for g in sorted(groups)]


def _account(
    at: tuple[str, str], account: dict[str, str], profile: dict[str, str], holds: dict[str, str]
) -> AccountState:
    _, version, seq, floor_ms, _, open_count, _, _ = account["state"].split(" ")
    assert int(open_count) == len(holds), f"open_count {open_count}, holds {len(holds)}"
    state = AccountState(
        *at,
        layout.read_account_terms(profile["terms"]),
        create_ms=int(profile["create_ms"]),
        floor_ms=int(floor_ms),
        status=layout.read_status(account),
        profile_version=int(version),
        seq=int(seq),
        replayed_count=int(account.get("replays", "0")),
        refusals=layout.read_refusals(account),
        buckets=layout.read_buckets(account),
        counters=layout.read_counters("account", account),
        slots=layout.read_slots("account", account),
        holds={rid: layout.read_hold(text) for rid, text in holds.items()},
        renewals=layout.read_renewals(account),
        roll_overs=layout.read_roll_overs(account),
        thresholds=layout.read_thresholds(account),
    )
    order = account["order"].split(" ")
    assert order == [bucket.bucket_id for bucket in state.in_consumption_order()], order
    stored = {field[2:] for field in account if field[:2] in {"b:", "t:"}}
    marked = {field[2:] for field in account if field[:2] in {"l:", "o:"}}
    assert stored == set(order), f"fields of buckets that are gone: {stored - set(order)}"
    assert marked <= stored, f"marks of buckets that are gone: {marked - stored}"
    for cap in layout.read_caps("account", profile):
        state.caps[("account", cap.cap_id)] = cap
    due = int(account["state"].split(" ")[4])
    deadlines = [hold.expire_ms for hold in state.holds.values()]
    deadlines += [renewal.due_ms for renewal in state.renewals.values()]
    deadlines += [
        b.terms.expire_ms
        for b in state.buckets.values()
        if b.terms.expire_ms and not state.waits(b.bucket_id)
    ]
    assert not deadlines or 0 < due <= min(deadlines), f"due {due} is above {min(deadlines)}"
    return state


def _add_holder(
    state: AccountState, holder: str, fields: dict[str, str], account: str, now_ms: int
) -> None:
    now_ms = max(now_ms, int(account.split(" ")[3]))
    for cap in layout.read_caps(holder, fields):
        state.caps[(cap.holder, cap.cap_id)] = cap
    state.counters.update(layout.read_counters(holder, fields))
    state.slots.update(layout.read_slots(holder, fields))
    kind, _, holder_id = holder.partition("/")
    if kind == "subscriber" and fields:
        groups = layout.undash(fields["groups"])
        state.subscribers[holder_id] = tuple(groups.split(",")) if groups else ()
        state.identities[holder_id] = layout.read_identities(fields["identities"])
    own: dict[str, str] = {}
    for reservation_id, hold in state.holds.items():
        lines = [line for line in hold.cap_lines if line.holder == holder]
        if lines and hold.expire_ms > now_ms:
            texts = (f"{line.cap_id}:{line.period_start_ms}:{line.quantity}" for line in lines)
            own[f"h:{reservation_id}"] = f"{hold.expire_ms} {','.join(texts)}"
    stored = {
        field: text
        for field, text in fields.items()
        if field.startswith("h:") and int(text.split(" ")[0]) > now_ms
    }
    assert stored == own, f"holds of {holder}: {stored} in its key, {own} in the account"


def as_remembered(state: AccountState, now_ms: int) -> AccountState:
    """Leave out what is forgotten by now, and what only one side keeps track of."""
    now_ms = max(now_ms, state.floor_ms)
    view = state.clone()
    view.reservations = {rid: r for rid, r in state.reservations.items() if r.forget_ms > now_ms}
    for rid, reservation in view.reservations.items():
        if reservation.state is ReservationState.OPEN and rid not in state.holds:
            view.reservations[rid] = replace(reservation, state=ReservationState.EXPIRED)
    view.sessions = {k: s for k, s in state.sessions.items() if s.expire_ms > now_ms}
    view.records = {k: r for k, r in state.records.items() if r.expire_ms > now_ms}
    return view
