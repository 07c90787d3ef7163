"""The accounts that are charged: each with three buckets and three caps, never short of money."""

import asyncio
from collections.abc import Iterator
from typing import Final

from ocs.client import AsyncClient, Period, Unit

_MICROS: Final = 10**12
_UNITS: Final = 10**9
_MAKERS: Final = 32


async def open_accounts(
    address: str, count: int, prefix: str = "bench", makers: int = _MAKERS
) -> list[str]:
    """Open accounts, so many at once; returns their ids.

    A reservation of data holds money of the bonus bucket (drawn on before `main`), which counts
    towards the caps of the day, the month and the account's life; the bucket of seconds is not
    eligible, as one of another service would not be.
    """
    account_ids = [f"{prefix}-{number:06}" for number in range(count)]
    left = iter(account_ids)
    async with AsyncClient(address, timeout_s=10.0) as client, asyncio.TaskGroup() as group:
        for _ in range(min(count, makers)):
            group.create_task(_open_each(client, left))
    return account_ids


async def _open_each(client: AsyncClient, account_ids: Iterator[str]) -> None:
    for account_id in account_ids:
        await client.create_account(
            account_id,
            currency="EUR",
            plan="prepaid",
            time_zone="Europe/Berlin",
            segment="consumer",
        )
        await client.top_up(
            account_id,
            payment_reference=f"{account_id}-main",
            micros=_MICROS,
            currency="EUR",
        )
        await client.top_up(
            account_id,
            payment_reference=f"{account_id}-bonus",
            micros=_MICROS,
            currency="EUR",
            bucket_id="bonus",
            priority=10,
        )
        await client.top_up(
            account_id,
            payment_reference=f"{account_id}-minutes",
            units=_UNITS,
            unit=Unit.SECONDS,
            bucket_id="minutes",
            priority=1,
        )
        for period in (Period.DAY, Period.MONTH, Period.LIFETIME):
            await client.set_spending_cap(
                account_id, period.name.lower(), period=period, limit_micros=_MICROS
            )
