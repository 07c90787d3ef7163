"""Reads one account as of one moment."""

from typing import TypeAlias

import asyncio

from ocs.domain.spending_cap import group_holder, subscriber_holder
from ocs.domain.state import AccountState
from ocs.store import keys
from ocs.store.layout import (
    read_account_terms,
    read_buckets,
    read_caps,
    read_counters,
    read_hold,
    undash,
)
from ocs.store.pipeline import Pipeline, Reply, StoreLostError
from ocs.store.replies import fields_of, text_of, texts_of

Fields: TypeAlias = dict[str, str]


async def read_state(
    pipeline: Pipeline, tenant: str, account_id: str
) -> tuple[AccountState, int] | None:
    """Read an account and the store's clock; None if there is no account.

    Two reads: the first names the lines and groups, the second takes everything in one
    transaction; it is repeated if a line was added in between.
    """
    at = (tenant, account_id)
    while True:
        subscribers = texts_of(await pipeline.send("SMEMBERS", keys.subscribers_key(*at)))
        groups: set[str] = set()
        for subscriber in subscribers:
            reply = await pipeline.send("HGET", keys.subscriber_key(*at, subscriber), "groups")
            groups.update(filter(None, undash(text_of(reply)).split(",")))
        named = [(subscriber_holder(s), keys.subscriber_key(*at, s)) for s in sorted(subscribers)]
        named += [(group_holder(g), keys.group_key(*at, g)) for g in sorted(groups)]
        replies = await _transaction(
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
        if set(texts_of(members)) != set(subscribers):
            continue
        state = _state(at, fields_of(account), fields_of(profile), fields_of(holds))
        for (holder, _), reply in zip(named, holders, strict=True):
            _add_holder(state, holder, fields_of(reply))
        seconds, micros = texts_of(time)
        return state, int(seconds) * 1000 + int(micros) // 1000


async def _transaction(pipeline: Pipeline, commands: list[tuple[str, ...]]) -> list[Reply]:
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
    _, version, seq, floor_ms, _, _, _, _ = account["state"].split(" ")
    state = AccountState(
        *at,
        read_account_terms(profile["terms"]),
        create_ms=int(profile["create_ms"]),
        floor_ms=int(floor_ms),
        profile_version=int(version),
        seq=int(seq),
        replayed_count=int(account.get("replays", "0")),
        buckets=read_buckets(account),
        counters=read_counters("account", account),
        holds={reservation_id: read_hold(text) for reservation_id, text in holds.items()},
    )
    for cap in read_caps("account", profile):
        state.caps[(cap.holder, cap.cap_id)] = cap
    return state


def _add_holder(state: AccountState, holder: str, fields: Fields) -> None:
    for cap in read_caps(holder, fields):
        state.caps[(cap.holder, cap.cap_id)] = cap
    state.counters.update(read_counters(holder, fields))
    kind, _, holder_id = holder.partition("/")
    if kind == "subscriber":
        groups = undash(fields["groups"])
        state.subscribers[holder_id] = tuple(groups.split(",")) if groups else ()
