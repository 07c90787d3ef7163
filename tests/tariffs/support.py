"""Tariffs to load, and clients to load them with."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ocs.client import NO_RETRY, AsyncClient
from tests.support.live import Live

WAIT_S = 20.0


def tariff_text(version: str, price: str = "0.10") -> bytes:
    """A small tariff: one plan, one service."""
    return (
        f"version: {version}\ncurrency: EUR\nprices: gross\n"
        f'services: {{sms: {{unit: count, price: "{price}"}}}}\n'
        "plans: {prepaid: {services: [sms]}}\n"
    ).encode()


def client_of(live: Live, token: str | None = None) -> AsyncClient:
    """A client of a service; what fails is not tried again."""
    return AsyncClient(live.address, retry=NO_RETRY, timeout_s=WAIT_S, token=token)


def ahead(seconds: float) -> datetime:
    """A moment of whole milliseconds."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so; fail if it takes too long."""
    async with asyncio.timeout(WAIT_S):
        while not await condition():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.05)
