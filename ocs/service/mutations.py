"""What use cases of account keeping share: one command each, run once, with its context."""

from typing import Any

from ocs.domain.answer import Answer
from ocs.domain.commands import Mutation
from ocs.domain.event_context import EventContext
from ocs.domain.fingerprint import fingerprint
from ocs.domain.known import Profile
from ocs.limits import WINDOW_USED_MS
from ocs.ports import ContextEncoder, Ledger
from ocs.service.errors import failure
from ocs.service.requests import Asked


class Mutations:
    """Builds and runs commands. Raises ServiceError for every reason."""

    def __init__(self, ledger: Ledger, encode: ContextEncoder) -> None:
        self._ledger = ledger
        self._encode = encode

    async def run(self, command: Mutation) -> Answer:
        """Run a command."""
        answer = await self._ledger.execute(command)
        if answer.reason is not None:
            raise failure(answer)
        return answer

    async def profile(self, tenant: str, account_id: str, *, fresh: bool = False) -> Profile:
        """Read an account's terms."""
        profile = await self._ledger.profile(tenant, account_id, "", fresh=fresh)
        if isinstance(profile, Answer):
            raise failure(profile)
        return profile

    def call(
        self,
        asked: Asked,
        account_id: str,
        operation: str,
        context: EventContext,
        *meaning: object,
    ) -> dict[str, Any]:
        """Return what every command carries; meaning: the caller's resolved fields."""
        context.request_id = asked.request_id
        context.actor = asked.actor
        context.event_time_ms = asked.request_time_ms
        return {
            "tenant": asked.tenant,
            "account_id": account_id,
            "request_id": asked.request_id,
            "fingerprint": fingerprint(operation, *meaning, asked.request_time_ms),
            "request_time_ms": asked.request_time_ms,
            "window_ms": WINDOW_USED_MS,
            "context": self._encode(context),
            "deadline_ms": asked.deadline_ms,
        }
