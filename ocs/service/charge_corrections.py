"""CorrectCharge: an amount of money more for a charge that came to too little."""

from ocs.domain.answer import Answer, Reason
from ocs.domain.charging_event import EventKind
from ocs.domain.commands import Basis, Debit
from ocs.domain.event_context import EventContext
from ocs.domain.known import Profile
from ocs.domain.rerating import correction_terms
from ocs.limits import STALE_RETRIES_MAX
from ocs.ports import ContextDecoder, EventLog, Ledger, LoggedEvent, StoreUnavailableError
from ocs.service.errors import ServiceError, failure
from ocs.service.mutations import Mutations
from ocs.service.requests import CorrectChargeAsked


class ChargeCorrections:
    """Charges more. Raises ServiceError for every reason."""

    def __init__(
        self, ledger: Ledger, mutations: Mutations, events: EventLog, decode: ContextDecoder
    ) -> None:
        self._ledger = ledger
        self._mutations = mutations
        self._events = events
        self._decode = decode

    async def correct(self, ask: CorrectChargeAsked) -> Answer:
        """Debit the amount as use that happened, from who may pay for the event's service."""
        corrected = self._decode((await self._charge(ask)).context)
        command = self._command(ask, corrected, await self._profile(ask, corrected, fresh=False))
        answer = await self._ledger.execute(command)
        for _ in range(STALE_RETRIES_MAX):
            if answer.reason is not Reason.STALE_PROFILE:
                break
            profile = await self._profile(ask, corrected, fresh=True)
            answer = await self._ledger.execute(self._command(ask, corrected, profile))
        if answer.reason is not None:
            raise failure(answer)
        return answer

    async def _charge(self, ask: CorrectChargeAsked) -> LoggedEvent:
        """Find the event; a charge has a position in its session, or of its own."""
        at = (ask.asked.tenant, ask.account_id)
        await self._mutations.profile(*at)  # the account is there
        try:
            found = await self._events.find(*at, ask.seq)
        except StoreUnavailableError as error:
            raise ServiceError(error.reason) from None
        kinds = (EventKind.COMMIT, EventKind.DEBIT)
        if found is None or found.event.kind not in kinds or found.event.position is None:
            raise ServiceError(Reason.EVENT_NOT_FOUND)
        return found

    async def _profile(
        self, ask: CorrectChargeAsked, corrected: EventContext, *, fresh: bool
    ) -> Profile:
        """Read who pays: the line that was charged, or the account alone if the line is gone."""
        at = (ask.asked.tenant, ask.account_id)
        found = await self._ledger.profile(*at, corrected.subscriber_id, fresh=fresh)
        if isinstance(found, Answer) and found.reason is Reason.SUBSCRIBER_NOT_FOUND:
            found = await self._ledger.profile(*at, "", fresh=True)
        if isinstance(found, Answer):
            raise failure(found)
        return found

    def _command(self, ask: CorrectChargeAsked, corrected: EventContext, profile: Profile) -> Debit:
        terms = correction_terms(corrected.service_id, corrected.zone, ask.tariff_version)
        context = EventContext(
            subscriber_id=profile.subscriber_id,
            segment=corrected.segment,
            plan=corrected.plan,
            service_id=corrected.service_id,
            zone=corrected.zone,
            partner=corrected.partner,
            currency=profile.terms.currency,
            tariff_version=ask.tariff_version,
            price_id=terms.price_id,
            reason=ask.reason,
            tax_included=corrected.tax_included,
            corrects_seq=ask.seq,
        )
        meaning = (ask.seq, ask.micros, ask.tariff_version, ask.reason)
        call = self._mutations.call(ask.asked, ask.account_id, "CorrectCharge", context, *meaning)
        return Debit(
            profile=profile,
            service_id=corrected.service_id,
            terms=terms,
            refusal=None,
            basis=Basis.USED,
            used_units=ask.micros,
            **call,
        )
