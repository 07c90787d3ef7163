"""`make lost-reply OPS=n`: proxies that lose replies, and nothing but replies, on both hops.

Between the callers and the service, and between the service and its store, at least every tenth
call runs and its answer never arrives; the connection is cut. The SDK tries again with the same
request_id, and what stays open is resent. In the end nothing may be doubled, every outcome is
known, and the balances are exactly what the acknowledged calls add up to.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvloop

from ocs.store.embedded import EmbeddedOptions, EmbeddedValkey
from tests.campaigns.support.driver import Driver
from tests.campaigns.support.proxies import SHARE_LEAST, GrpcLink, Loss, LossyProxy, StoreLink
from tests.campaigns.support.report import Progress, Result
from tests.campaigns.support.service import ServiceProcess

CLIENTS: Final = 32
ACCOUNTS: Final = 40
SHARE: Final = 0.12


async def run_lost_reply(
    directory: Path,
    op_count: int,
    seed: int,
    *,
    account_count: int = ACCOUNTS,
    progress: Progress | None = None,
) -> Result:
    """Run the campaign in a directory."""
    progress = progress or Progress(shown=False)
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(
            EmbeddedValkey.start, EmbeddedOptions(directory / "store", "always")
        )
        stack.push_async_callback(asyncio.to_thread, store.stop)
        behind = LossyProxy(
            store.socket_path, Loss(SHARE, random.Random(f"{seed}/store"), active=False), StoreLink
        )
        stack.push_async_callback(behind.close)
        service = ServiceProcess(
            directory, f"unix://{await behind.listen(directory / 'proxy.sock')}"
        )
        stack.push_async_callback(asyncio.to_thread, service.stop)
        address = await asyncio.to_thread(service.start)
        front = LossyProxy(address, Loss(SHARE, random.Random(f"{seed}/grpc")), GrpcLink)
        stack.push_async_callback(front.close)
        proxied = await front.listen()

        driver = Driver(account_count, seed)
        await driver.open(address)
        behind.loss.active = True
        started = time.monotonic()
        stop = asyncio.Event()
        load = asyncio.create_task(
            driver.drive(proxied, clients=CLIENTS, stop=stop, op_count=op_count)
        )
        while not load.done():
            progress.say(f"lost-reply: {driver.answered_count:,} of {op_count:,} calls answered")
            await asyncio.wait([load], timeout=0.25)
        await load
        seconds = time.monotonic() - started
        behind.loss.active = False
        figures: dict[str, object] = {
            "calls": len(driver.calls),
            "calls per second": len(driver.calls) / seconds,
            "seconds": seconds,
        }
        hops = {"callers": front.loss, "store": behind.loss}
        return await _conclude(
            service, driver, store.url, hops, Result("lost-reply", seed, figures)
        )


async def _conclude(
    service: ServiceProcess, driver: Driver, store_url: str, hops: dict[str, Loss], result: Result
) -> Result:
    for name, loss in hops.items():
        told = f"{loss.lost_count:,} of {loss.call_count:,} calls"
        result.figures[f"lost at the hop to the {name}"] = (
            f"{told} ({100 * loss.lost_count / max(1, loss.call_count):.1f} %)"
        )
        # What is under way when it ends is counted as a call, and may not be lost any more.
        if loss.lost_count < SHARE_LEAST * (loss.call_count - CLIENTS):
            result.violations.append(f"only {told} lost their reply at the hop to the {name}")
    resent, found = await driver.resend_some(service.address)
    books = await driver.check(service.address)
    audit = await asyncio.to_thread(service.audit, store_url)
    answered = [call for call in driver.calls if call.answered]
    result.figures |= {
        "answered from the record": sum(call.replayed for call in answered),
        "open after the SDK's retries": driver.ambiguous()[0],
        "unresolved": len(driver.calls) - len(answered),
        "lost": sum(len(one.lost) for one in books),
        "doubled": sum(len(one.doubled) for one in books),
        "resent in the end": resent,
        "audit": "differs" if audit else "ok",
    }
    result.violations += audit + driver.faults() + found
    for one in books:
        result.violations += one.violations
    return result


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ops", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    progress = Progress()
    with tempfile.TemporaryDirectory() as directory:
        result = uvloop.run(
            run_lost_reply(Path(directory), options.ops, options.seed, progress=progress)
        )
    progress.end()
    return result.conclude()


if __name__ == "__main__":
    sys.exit(main())
