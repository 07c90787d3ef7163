"""Counters of an account's use, for graduated prices: made when an account first needs one."""

from ocs.domain.answer import Answer
from ocs.domain.commands import SetSpendingCap
from ocs.domain.event_context import EventContext
from ocs.domain.fingerprint import fingerprint
from ocs.domain.known import Profile
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import tier_counter
from ocs.limits import WINDOW_USED_MS
from ocs.ports import ContextEncoder, Ledger
from ocs.service.errors import failure
from ocs.service.requests import Asked


class Tiers:
    """Gives accounts their counters."""

    def __init__(self, ledger: Ledger, encode: ContextEncoder) -> None:
        self._ledger = ledger
        self._encode = encode

    async def counted(self, asked: Asked, profile: Profile, *lines: ServiceTerms | None) -> Profile:
        """Return the profile with the counters that these prices go by; most go by none.

        Raises ServiceError.
        """
        missing = {line.tier: line for line in lines if line is not None and line.tier}
        for cap in profile.caps if missing else ():
            missing.pop(cap.cap_id, None)
        if not missing:
            return profile
        for tier, line in missing.items():
            # Whoever else is doing so sends the same request, with the same meaning; no caller's
            # request_id has a "=".
            request_id = f"={tier}"
            made = SetSpendingCap(
                tenant=profile.tenant,
                account_id=profile.account_id,
                request_id=request_id,
                fingerprint=fingerprint("CountTier", tier),
                request_time_ms=asked.request_time_ms,
                window_ms=WINDOW_USED_MS,
                context=self._encode(EventContext(request_id=request_id, actor=asked.actor)),
                deadline_ms=asked.deadline_ms,
                cap=tier_counter(tier, line.unit),
            )
            answer = await self._ledger.execute(made)
            if answer.reason is not None:
                raise failure(answer)
        at = (profile.tenant, profile.account_id, profile.subscriber_id)
        found = await self._ledger.profile(*at, fresh=True)
        if isinstance(found, Answer):
            raise failure(found)
        return found
