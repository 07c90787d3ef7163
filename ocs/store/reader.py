"""The Reader port over Valkey: reservations, request records, and lists. Writes nothing."""

import asyncio
from typing import Final

from redis.exceptions import ResponseError

from ocs.domain.answer import Answer, Reason
from ocs.domain.state import RequestRecord
from ocs.domain.view import ReservationView, reservation_as_of
from ocs.ports import AccountSummary
from ocs.store import keys
from ocs.store.answers import read_record
from ocs.store.layout import read_account_terms, read_hold, read_reservation, read_status
from ocs.store.ledger import ValkeyLedger, reason_of
from ocs.store.pipeline import Reply, StoreLostError
from ocs.store.replies import fields_of, text_of, texts_of
from ocs.store.snapshot import atomically

_SEQ: Final = 2
_FLOOR: Final = 3
# A store with few accounts has many empty partitions: so many are asked at once.
_ABREAST: Final = 32


class ValkeyReader:
    """Reads over the ledger's connections."""

    def __init__(self, ledger: ValkeyLedger) -> None:
        self._ledger = ledger

    async def reservation(
        self, tenant: str, account_id: str, reservation_id: str
    ) -> tuple[ReservationView, int] | Answer:
        """Read a reservation and what it holds, as of one moment."""
        at = (tenant, account_id)
        read = await self._read(
            at,
            ("GET", keys.reservation_key(*at, reservation_id)),
            ("HGET", keys.holds_key(*at), reservation_id),
        )
        if isinstance(read, Answer):
            return read
        seq, now_ms, (reservation, hold) = read
        try:
            text, held = text_of(reservation), text_of(hold)
            view = reservation_as_of(
                read_reservation(reservation_id, text), read_hold(held) if held else None, now_ms
            ) if text else None  # fmt: skip
        except (ResponseError, ValueError):
            return Answer(seq, now_ms, reason=Reason.STATE_CORRUPT)
        return (view, now_ms) if view else Answer(seq, now_ms, reason=Reason.RESERVATION_NOT_FOUND)

    async def open_reservations(
        self, tenant: str, account_id: str, after: str, count: int
    ) -> tuple[list[ReservationView], int] | Answer:
        """Read open reservations; a hold and its reservation are two reads."""
        at = (tenant, account_id)
        read = await self._read(at, ("HGETALL", keys.holds_key(*at)))
        if isinstance(read, Answer):
            return read
        seq, now_ms, (reply,) = read
        try:
            holds = {name: read_hold(text) for name, text in fields_of(reply).items()}
        except (ResponseError, ValueError):
            return Answer(seq, now_ms, reason=Reason.STATE_CORRUPT)
        live = sorted(n for n, hold in holds.items() if hold.expire_ms > now_ms and n > after)
        names = live[:count]
        read = await self._read(at, *(("GET", keys.reservation_key(*at, n)) for n in names))
        if isinstance(read, Answer):
            return read
        try:
            # One that has ended since still reads as it was at the first moment.
            views = [
                ReservationView(read_reservation(name, text_of(text)), holds[name])
                for name, text in zip(names, read[2], strict=True)
                if text
            ]
        except (ResponseError, ValueError):
            return Answer(seq, now_ms, reason=Reason.STATE_CORRUPT)
        return views, now_ms

    async def request(
        self, tenant: str, account_id: str, request_id: str
    ) -> RequestRecord | Answer:
        """Read a request's record."""
        at = (tenant, account_id)
        read = await self._read(at, ("GET", keys.request_key(*at, request_id)))
        if isinstance(read, Answer):
            return read
        seq, now_ms, (reply,) = read
        try:
            text = text_of(reply)
            record = read_record(text) if text else None
        except (IndexError, KeyError, ResponseError, ValueError):
            return Answer(seq, now_ms, reason=Reason.STATE_CORRUPT)
        if record is None or record.expire_ms <= now_ms:
            return Answer(seq, now_ms, reason=Reason.REQUEST_NOT_FOUND)
        return record

    async def list_accounts(
        self, tenant: str, after: tuple[int, str], count: int
    ) -> tuple[list[AccountSummary], tuple[int, str]] | Answer:
        """Read accounts partition by partition, each in the order of ids."""
        first, behind = after
        names: list[tuple[int, str]] = []
        try:
            for start in range(first, keys.PARTITION_COUNT, _ABREAST):
                partitions = range(start, min(start + _ABREAST, keys.PARTITION_COUNT))
                found = await asyncio.gather(
                    *(
                        self._names(p, tenant, behind if p == first else "", count + 1)
                        for p in partitions
                    )
                )
                names += [
                    (p, name) for p, own in zip(partitions, found, strict=True) for name in own
                ]
                if len(names) > count:
                    break
            page = names[:count]
            summaries = await asyncio.gather(*(self._summary(tenant, name) for _, name in page))
        except StoreLostError:
            return Answer(0, 0, reason=Reason.STORE_UNAVAILABLE)
        except ResponseError as error:
            return Answer(0, 0, reason=reason_of(error))
        except (KeyError, ValueError):
            return Answer(0, 0, reason=Reason.STATE_CORRUPT)
        return list(summaries), page[-1] if len(names) > count else (-1, "")

    async def _names(self, partition: int, tenant: str, behind: str, count: int) -> list[str]:
        pipelines = self._ledger.pipelines
        low = f"({tenant}/{behind}" if behind else f"[{tenant}/"
        reply = await pipelines[partition % len(pipelines)].send(
            "ZRANGEBYLEX", keys.accounts_key(partition), low, f"({tenant}0", "LIMIT", 0, count
        )
        # `0` follows `/`: so far reach the tenant's own names.
        return [path.partition("/")[2] for path in texts_of(reply)]

    async def _summary(self, tenant: str, account_id: str) -> AccountSummary:
        at = (tenant, account_id)
        pipeline = self._ledger.pipeline_of(*at)
        status, profile = await asyncio.gather(
            pipeline.send("HMGET", keys.account_key(*at), "status"),
            pipeline.send("HMGET", keys.profile_key(*at), "terms", "create_ms"),
        )
        (word,), (terms, create_ms) = texts_of(status), texts_of(profile)
        fields = {"status": word} if word else {}
        return AccountSummary(
            account_id, read_status(fields), read_account_terms(terms), int(create_ms)
        )

    async def _read(
        self, at: tuple[str, str], *commands: tuple[str, ...]
    ) -> tuple[int, int, list[Reply]] | Answer:
        """Read with the account's seq and clock, as of one moment."""
        pipeline = self._ledger.pipeline_of(*at)
        try:
            time, state, *replies = await atomically(
                pipeline, [("TIME",), ("HGET", keys.account_key(*at), "state"), *commands]
            )
            parts = text_of(state).split(" ")
            seconds, micros = map(int, texts_of(time))
        except StoreLostError:
            return Answer(0, 0, reason=Reason.STORE_UNAVAILABLE)
        except ResponseError as error:
            return Answer(0, 0, reason=reason_of(error))
        clock = self._ledger.test_clock
        now_ms = clock() if clock is not None else seconds * 1000 + micros // 1000
        if parts == [""]:
            return Answer(0, now_ms, reason=Reason.ACCOUNT_NOT_FOUND)
        if len(parts) <= _FLOOR or not (parts[_SEQ] + parts[_FLOOR]).isdecimal():
            return Answer(0, now_ms, reason=Reason.STATE_CORRUPT)
        return int(parts[_SEQ]), max(now_ms, int(parts[_FLOOR])), replies
