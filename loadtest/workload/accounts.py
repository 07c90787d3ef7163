"""The accounts of the workload: prepaid, some with a pack of data, some with a daily cap."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from loadtest.access import read_access
from ocs.client import AsyncClient, Period, Unit

CURRENCY: Final = "EUR"
PLAN: Final = "prepaid"
CAP_ID: Final = "day"
PACK: Final = "pack"
OPENING_MICROS: Final = 2_000_000
_CAP_MICROS: Final = 5_000_000
_PACK_OCTETS: Final = 2 << 30
_CAP_EVERY: Final = 10
_PACK_EVERY: Final = 4
_MAKERS: Final = 16
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Payer:
    """An account; the number says what it has, so nobody needs to ask."""

    prefix: str
    number: int

    @property
    def account_id(self) -> str:
        """Its id."""
        return f"{self.prefix}-{self.number:06}"

    @property
    def has_cap(self) -> bool:
        """Whether a daily cap binds it. The accounts drawn most often have none."""
        return self.number % _CAP_EVERY == _CAP_EVERY - 1

    @property
    def has_pack(self) -> bool:
        """Whether a pack of data pays before its money."""
        return self.number % _PACK_EVERY == 0


async def open_accounts(
    address: str, prefix: str, count: int, on_opened: Callable[[], None]
) -> None:
    """Open the accounts of a run; on_opened is called for each."""
    payers = (Payer(prefix, number) for number in range(count))
    async with (
        AsyncClient(address, timeout_s=_TIMEOUT_S, **read_access()) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(min(count, _MAKERS)):
            group.create_task(_open_each(client, payers, on_opened))


async def _open_each(
    client: AsyncClient, payers: Iterator[Payer], on_opened: Callable[[], None]
) -> None:
    for payer in payers:
        account_id = payer.account_id
        await client.create_account(
            account_id, currency=CURRENCY, plan=PLAN, time_zone="Europe/Berlin", segment="load"
        )
        await client.top_up(
            account_id,
            payment_reference=f"{account_id}-opening",
            micros=OPENING_MICROS,
            currency=CURRENCY,
        )
        if payer.has_pack:
            await client.top_up(
                account_id,
                payment_reference=f"{account_id}-{PACK}",
                units=_PACK_OCTETS,
                unit=Unit.OCTETS,
                bucket_id=PACK,
                priority=10,
            )
        if payer.has_cap:
            await client.set_spending_cap(
                account_id, CAP_ID, period=Period.DAY, limit_micros=_CAP_MICROS
            )
        on_opened()
