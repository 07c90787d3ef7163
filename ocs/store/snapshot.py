"""Reads one account as of one moment."""

import asyncio
from typing import Final, NamedTuple, TypeAlias

from redis.exceptions import ResponseError

from ocs.domain.audit import UnreadableAccountError
from ocs.domain.spending_cap import ACCOUNT_HOLDER, group_holder, subscriber_holder
from ocs.domain.state import AccountState
from ocs.store import keys
from ocs.store.layout import (
    read_account_terms,
    read_buckets,
    read_caps,
    read_counters,
    read_hold,
    read_identities,
    read_refusals,
    read_renewals,
    read_roll_overs,
    read_slots,
    read_status,
    read_thresholds,
    undash,
)
from ocs.store.pipeline import Pipeline, Reply, StoreLostError
from ocs.store.replies import fields_of, text_of, texts_of

# What `state` of an account begins with; scripts refuse any other, too.
_LAYOUT: Final = "1"

Fields: TypeAlias = dict[str, str]
# The text of each hold's own lines, by holder and reservation.
HoldTexts: TypeAlias = dict[tuple[str, str], str]


class _Stored(NamedTuple):
    """An account's hashes as of one moment; holders: the fields of each subscriber and group."""

    time: Reply
    account: Fields
    profile: Fields
    holds: Fields
    holders: dict[str, Fields]


async def read_state(
    pipeline: Pipeline, tenant: str, account_id: str, group_id: str = ""
) -> tuple[AccountState, int] | None:
    """Read an account and the store's clock; None if there is no account.

    Raises:
        UnreadableAccountError: what is stored cannot be read.
    """
    at = (tenant, account_id)
    stored = await _read(pipeline, at, group_id)
    if stored is None:
        return None
    try:
        state = _state(at, stored.account, stored.profile, stored.holds)
        for holder, fields in stored.holders.items():
            _add_holder(state, holder, fields)
    except (KeyError, ValueError, TypeError) as error:
        raise UnreadableAccountError(type(error).__name__) from error
    seconds, micros = texts_of(stored.time)
    return state, int(seconds) * 1000 + int(micros) // 1000


async def read_hold_copies(
    pipeline: Pipeline, tenant: str, account_id: str
) -> tuple[HoldTexts, HoldTexts]:
    """Read what the lines and groups noted of live holds, and what they should have noted.

    Live: past the account's own clock floor, which every sweep of lapsed copies has moved.

    Raises:
        UnreadableAccountError: what is stored cannot be read.
    """
    stored = await _read(pipeline, (tenant, account_id))
    if stored is None:
        return {}, {}
    copies: HoldTexts = {}
    due: HoldTexts = {}
    try:
        floor_ms = int(stored.account["state"].split(" ")[3])
        for reservation_id, text in stored.holds.items():
            hold = read_hold(text)
            for line in hold.cap_lines if hold.expire_ms > floor_ms else ():
                if line.holder != ACCOUNT_HOLDER:
                    key = (line.holder, reservation_id)
                    line_text = f"{line.cap_id}:{line.period_start_ms}:{line.quantity}"
                    so_far = due.get(key)
                    due[key] = (
                        f"{so_far},{line_text}" if so_far else f"{hold.expire_ms} {line_text}"
                    )
        for holder, fields in stored.holders.items():
            for field, text in fields.items():
                if field.startswith("h:") and int(text.split(" ")[0]) > floor_ms:
                    copies[(holder, field[2:])] = text
    except (KeyError, ValueError, TypeError) as error:
        raise UnreadableAccountError(type(error).__name__) from error
    return copies, due


async def _read(pipeline: Pipeline, at: tuple[str, str], group_id: str = "") -> _Stored | None:
    """Read an account's hashes as of one moment.

    Two reads: the first names the lines and groups, the second takes everything in one
    transaction; it is repeated if a line was added in between.
    """
    while True:
        subscribers = texts_of(await pipeline.send("SMEMBERS", keys.subscribers_key(*at)))
        groups = {group_id} if group_id else set()
        for subscriber in subscribers:
            reply = await pipeline.send("HGET", keys.subscriber_key(*at, subscriber), "groups")
            groups.update(filter(None, undash(text_of(reply)).split(",")))
        named = [(subscriber_holder(s), keys.subscriber_key(*at, s)) for s in sorted(subscribers)]
        named += [(group_holder(g), keys.group_key(*at, g)) for g in sorted(groups)]
        replies = await atomically(
            pipeline,
            [
                ("TIME",),
                ("HGETALL", keys.account_key(*at)),
                ("HGETALL", keys.profile_key(*at)),
                ("HGETALL", keys.holds_key(*at)),
                ("SMEMBERS", keys.subscribers_key(*at)),
                *(("HGETALL", key) for _, key in named),
            ],
        )
        time, account, profile, holds, members, *holders = replies
        if not account:
            return None
        if any(isinstance(reply, ResponseError) for reply in replies):
            raise UnreadableAccountError("a key has another type")
        if set(texts_of(members)) != set(subscribers):
            continue
        fields = {name: fields_of(reply) for (name, _), reply in zip(named, holders, strict=True)}
        return _Stored(time, fields_of(account), fields_of(profile), fields_of(holds), fields)


async def atomically(pipeline: Pipeline, commands: list[tuple[str, ...]]) -> list[Reply]:
    """Run commands in one transaction; a reply may be an error. Raises StoreLostError."""
    # Queued in one go on one connection: nothing of another caller can come in between.
    futures = [pipeline.send("MULTI")]
    futures += [pipeline.send(*command) for command in commands]
    futures.append(pipeline.send("EXEC"))
    *_, result = await asyncio.gather(*futures, return_exceptions=True)
    if not isinstance(result, list):
        message = "the transaction was cut in two by a lost connection"
        raise StoreLostError(message)
    return result


def _state(at: tuple[str, str], account: Fields, profile: Fields, holds: Fields) -> AccountState:
    layout, version, seq, floor_ms, _, _, _, _ = account["state"].split(" ")
    if layout != _LAYOUT:
        raise ValueError(f"state of layout {layout}")
    state = AccountState(
        *at,
        read_account_terms(profile["terms"]),
        create_ms=int(profile["create_ms"]),
        floor_ms=int(floor_ms),
        status=read_status(account),
        profile_version=int(version),
        seq=int(seq),
        replayed_count=int(account.get("replays", "0")),
        refusals=read_refusals(account),
        buckets=read_buckets(account),
        counters=read_counters("account", account),
        slots=read_slots("account", account),
        holds={reservation_id: read_hold(text) for reservation_id, text in holds.items()},
        renewals=read_renewals(account),
        roll_overs=read_roll_overs(account),
        thresholds=read_thresholds(account),
    )
    for cap in read_caps("account", profile):
        state.caps[(cap.holder, cap.cap_id)] = cap
    return state


def _add_holder(state: AccountState, holder: str, fields: Fields) -> None:
    for cap in read_caps(holder, fields):
        state.caps[(cap.holder, cap.cap_id)] = cap
    state.counters.update(read_counters(holder, fields))
    state.slots.update(read_slots(holder, fields))
    kind, _, holder_id = holder.partition("/")
    if kind == "subscriber":
        groups = undash(fields["groups"])
        state.subscribers[holder_id] = tuple(groups.split(",")) if groups else ()
        state.identities[holder_id] = read_identities(fields["identities"])
