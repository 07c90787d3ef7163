"""An operator's first tariff, and one that is activated while sessions run."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from ocs.client.operations import tariff
from ocs.demo import figures
from ocs.demo.caller import Caller
from ocs.demo.operators import FIRST
from ocs.demo.price_book import DATA_PRICES, price_book, version_prefix

_SETTLE_S: Final = 1.5
_IN_FORCE_S: Final = 0.5
_AHEAD: Final = timedelta(seconds=5.5)  # the service wants 5 s


async def open_book(caller: Caller) -> None:
    """See that there are prices in the operator's currency: its own book, if not the shared one."""
    book = await caller.client.send(tariff.list_tariffs_page())
    if caller.operator is FIRST or not all(one.inherited for one in book.tariffs):
        return
    activate_time = datetime.now(UTC) + _AHEAD
    text = price_book(caller.operator, DATA_PRICES[0])
    loaded = await caller.keep(tariff.load_tariff(text, activate_time=activate_time))
    at = figures.local_time(activate_time)
    caller.note(f"{caller.operator.tenant}: tariff {loaded.tariff.version} from {at}")
    # In force by the service's clock, too, whose milliseconds are its own.
    await caller.wait((activate_time - datetime.now(UTC)).total_seconds() + _IN_FORCE_S)


async def change_prices(caller: Caller) -> None:
    """Load the other book, to be in force in a few seconds, and say when it is."""
    await caller.wait(_SETTLE_S)
    if caller.stopping.is_set():
        return
    page = await caller.client.send(tariff.list_tariffs_page())
    now = datetime.now(UTC)
    in_force = [
        one for one in page.tariffs if one.activate_time is not None and one.activate_time <= now
    ]
    before, after = DATA_PRICES
    if in_force and in_force[-1].version.startswith(version_prefix(after)):
        before, after = after, before
    text = price_book(caller.operator, after, uuid.uuid4().hex)
    activate_time = now + _AHEAD
    loaded = await caller.keep(tariff.load_tariff(text, activate_time=activate_time))
    version = loaded.tariff.version
    at = figures.local_time(activate_time)
    caller.note(f"tariff {version}: data {after} a GiB, not {before}, from {at}")
    await caller.wait((activate_time - datetime.now(UTC)).total_seconds())
    if not caller.stopping.is_set():
        caller.tally.counts["price_changes"] += 1
        caller.note(f"tariff {version} is in force; sessions go on at its prices")
