"""One snapshot a second for everyone who watches.

However many pages are open, a tenant's snapshot is made once. Each page has a place for one
snapshot: a slow one finds the latest there and never holds up the others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

PAUSE_S: Final = 1.0
PAGES_MAX: Final = 100


class News(NamedTuple):
    """What a page is told. event: its name on the wire; data: JSON."""

    event: str
    data: str


# Makes the news of a tenant (empty: all); says by itself what it cannot make.
Report = Callable[[str], Awaitable[News]]


class FullError(Exception):
    """As many pages watch as may."""


class Hub:
    """The pages that watch, by tenant. Use from one event loop only."""

    def __init__(self, report: Report, pages_max: int = PAGES_MAX) -> None:
        self._report = report
        self._pages_max = pages_max
        self._pages: dict[str, set[asyncio.Queue[News | None]]] = {}
        self._last: dict[str, News] = {}
        self._closed = False

    @property
    def page_count(self) -> int:
        """How many pages watch."""
        return sum(map(len, self._pages.values()))

    async def run(self) -> None:
        """Make snapshots for those who watch until cancelled; then end them all."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began_s = loop.time()
                for tenant in list(self._pages):
                    news = self._last[tenant] = await self._report(tenant)
                    for page in self._pages.get(tenant, ()):
                        _put(page, news)
                await asyncio.sleep(max(0.0, began_s + PAUSE_S - loop.time()))
        finally:
            self.close()

    def close(self) -> None:
        """End the pages' streams, those to come too."""
        self._closed = True
        for pages in self._pages.values():
            for page in pages:
                _put(page, None)

    def watch(self, tenant: str) -> AsyncIterator[News]:
        """Take a place; what it yields first is the last snapshot, if there is one.

        Raises FullError.
        """
        if self._closed or self.page_count >= self._pages_max:
            raise FullError
        page: asyncio.Queue[News | None] = asyncio.Queue(1)
        self._pages.setdefault(tenant, set()).add(page)
        if tenant in self._last:
            _put(page, self._last[tenant])
        return self._news(tenant, page)

    async def _news(self, tenant: str, page: "asyncio.Queue[News | None]") -> AsyncIterator[News]:
        try:
            while (news := await page.get()) is not None:
                yield news
        finally:
            watching = self._pages[tenant]
            watching.discard(page)
            if not watching:
                del self._pages[tenant]
                self._last.pop(tenant, None)


def _put(page: "asyncio.Queue[News | None]", news: News | None) -> None:
    if page.full():
        page.get_nowait()
    page.put_nowait(news)
