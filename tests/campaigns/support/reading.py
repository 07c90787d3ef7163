"""What the service says afterwards: whole journals, and how accounts and caps stand."""

from typing import Any

from ocs.client import AsyncClient
from ocs.client.operations import account, spending_cap
from ocs.v1 import account_service_pb2 as accounts
from tests.campaigns.support.calls import Caller
from tests.campaigns.support.traffic import HOLDERS

PAGE_SIZE = 500
TIMEOUT_S = 30.0


async def read_journal(client: AsyncClient, account_id: str) -> list[bytes]:
    """An account's journal as ListChargingEvents tells it, oldest first, encoded."""
    found: list[bytes] = []
    token = ""
    while True:
        request = accounts.ListChargingEventsRequest(
            account_id=account_id, page_size=PAGE_SIZE, page_token=token
        )
        page: Any = await client.stubs.accounts.ListChargingEvents(request, timeout=TIMEOUT_S)
        found += [event.SerializeToString() for event in page.events]
        token = page.next_page_token
        if not token:
            return found[::-1]


async def read_standing(caller: Caller, account_id: str) -> None:
    """Read, and write down, an account and the caps of all its holders."""
    await caller.call(account_id, account.get_account(account_id))
    for holder in HOLDERS:
        await caller.call(account_id, spending_cap.list_spending_caps(account_id, holder=holder))
