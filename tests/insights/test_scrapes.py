"""What the process of the figures and the service beside it tell of themselves, and where."""

import asyncio
import socket
from pathlib import Path
from urllib.request import urlopen

from ocs.insights_app import running_insights
from ocs.settings import load_settings
from ocs.store.embedded import EmbeddedValkey
from tests.insights.test_service import store
from tests.support.live import connect, serving

__all__ = ["store"]


def free_address() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


async def got(url: str) -> str:
    def get() -> str:
        with urlopen(url, timeout=10) as answer:  # noqa: S310 - of this machine
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def scraped(address: str) -> dict[str, float]:
    """Series by name and labels."""
    lines = (await got(f"http://{address}/metrics")).splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def test_each_process_tells_what_it_measures_and_no_more(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    service, figures = free_address(), free_address()
    settings = load_settings(
        insights_listen="127.0.0.1:0",
        dashboard_listen="127.0.0.2:0",
        metrics_listen=figures,
        data_dir=tmp_path,
        drain_probe_s=0.0,
    )
    with connect(store) as client:
        client.flushall()
    async with (
        serving(store, data_dir=tmp_path, metrics_listen=service),
        running_insights(settings, store.url) as insights,
    ):
        of_figures, of_service = await scraped(figures), await scraped(service)

        assert "ocs_insights_lag" in of_figures
        # It waited for the store before it served.
        assert of_figures["ocs_store_batches_total"] > 0
        assert not [name for name in of_figures if name.startswith(("ocs_archive", "ocs_journal"))]
        assert not [name for name in of_service if name.startswith("ocs_insights")]
        # It has no archiver beside it, as services in a test have none.
        assert not [name for name in of_service if name.startswith("ocs_archive")]
        assert {"ocs_journal_bytes", "ocs_log_lost_lines_total"} <= {*of_service}
        # The dashboard is under the address that it says, whichever of this machine's it is.
        assert "127.0.0.2" in insights.dashboard_url
        assert "<title>" in await got(insights.dashboard_url)
