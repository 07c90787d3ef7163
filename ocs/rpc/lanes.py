"""Items of one account run one after the other; accounts run beside each other.

An account that has something to do is one task, however many items wait for it.
"""

import asyncio
from collections import deque

from ocs.rpc.batch import Item
from ocs.rpc.failure import told
from ocs.rpc.method import count_decision
from ocs.telemetry.metrics import Metrics


class Lanes:
    """The accounts of one stream that have something to do. Each item in it takes a place."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lanes: dict[str, deque[Item]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, item: Item) -> None:
        """Take an item up, behind those of its account."""
        self._metrics.calls_in_flight += 1
        lane = self._lanes.get(item.account_id)
        if lane is not None:
            lane.append(item)
            return
        self._lanes[item.account_id] = lane = deque((item,))
        task = asyncio.get_running_loop().create_task(self._run(item.account_id, lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def abandon(self) -> None:
        """Nobody waits any more: begin nothing, wait for nothing. What was sent stays sent."""
        for lane in self._lanes.values():
            self._metrics.calls_in_flight -= len(lane)
            lane.clear()
        for task in self._tasks:
            task.cancel()

    async def _run(self, account_id: str, lane: deque[Item]) -> None:
        while lane:
            item = lane.popleft()
            try:
                if not item.answered:  # else: its time was over before it was its turn
                    await _serve(item)
                    if item.call.outcome:
                        count_decision(self._metrics, item.kind.operation, item.call)
            finally:
                self._metrics.calls_in_flight -= 1
        del self._lanes[account_id]


async def _serve(item: Item) -> None:
    item.begun = True
    try:
        reply = await item.kind.handler(item.call, item.request)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # the stream is abandoned
            raise
        # Something inside gave up a future; without a status the batch would wait for ever.
        item.fail(*told(error, item.call.method))
    except Exception as error:  # noqa: BLE001 - the last place that can keep its text inside
        item.fail(*told(error, item.call.method))
    else:
        item.reply(reply)
