"""Use cases of BundleService, and the renewals that the job makes."""

from collections.abc import Callable
from typing import Final, TypeVar

from ocs.domain.answer import Answer, Outcome, Reason
from ocs.domain.bundle import Bundle
from ocs.domain.commands import CancelBundleRenewal, PurchaseBundle, RenewBundle
from ocs.domain.event_context import EventContext
from ocs.domain.fingerprint import fingerprint
from ocs.domain.known import Profile
from ocs.domain.periods import Period, period_bounds
from ocs.domain.state import AccountState
from ocs.domain.tariff import Tariff
from ocs.limits import CLOCK_SKEW_MAX_MS, STALE_RETRIES_MAX
from ocs.ports import Ledger
from ocs.service.books import Books
from ocs.service.errors import failure
from ocs.service.journal_room import JournalRoom
from ocs.service.mutations import Mutations
from ocs.service.requests import Asked, CancelBundleRenewalAsked, PurchaseBundleAsked

RENEWAL_ACTOR: Final = "renewal"
# The store's clock may be behind ours by this much and must still find its month.
_BEHIND_MS: Final = CLOCK_SKEW_MAX_MS + 1_000

_Sale = TypeVar("_Sale", PurchaseBundle, RenewBundle)


class Bundles:
    """Sells bundles. now_ms: the service's clock. Raises ServiceError for every reason."""

    def __init__(
        self,
        ledger: Ledger,
        mutations: Mutations,
        books: Books,
        now_ms: Callable[[], int],
        room: JournalRoom,
    ) -> None:
        self._ledger = ledger
        self._mutations = mutations
        self._books = books
        self._now_ms = now_ms
        self._room = room

    async def purchase(self, ask: PurchaseBundleAsked) -> Answer:
        """Buy a bundle; refusals are outcomes."""
        self._books.check()
        self._room.check()

        def build(profile: Profile, month_ends: tuple[int, int]) -> PurchaseBundle:
            tariff = self._books.of(ask.asked.tenant).at(ask.asked.request_time_ms)
            bundle = tariff.bundles.get(ask.bundle_id)
            refusal: Outcome | Reason | None = Reason.BUNDLE_NOT_FOUND
            if bundle is not None:
                refusal = _refusal(tariff, bundle, profile)
                if ask.renew and not bundle.renewals:
                    refusal = Reason.RENEWAL_NOT_OFFERED
            context = _context(tariff, profile)
            meaning = (ask.bundle_id, ask.renew)
            return PurchaseBundle(
                profile=profile,
                bundle_id=ask.bundle_id,
                bundle=bundle if refusal is None else None,
                refusal=refusal,
                month_ends=month_ends,
                renew=ask.renew,
                **self._mutations.call(
                    ask.asked, ask.account_id, "PurchaseBundle", context, *meaning
                ),
            )

        return await self._sell(ask.asked.tenant, ask.account_id, build)

    async def renew(
        self, tenant: str, account_id: str, bundle_id: str, due_ms: int, seq: int
    ) -> Answer:
        """Buy a bundle again that is due; a refusal is an outcome, too.

        seq: of the account when it was found due; whoever else found it so sends the same request.
        """
        self._books.check()
        # No caller's request_id has a "=".
        asked = Asked(tenant, RENEWAL_ACTOR, 0, f"=renewal.{bundle_id}.{seq}", self._now_ms())

        def build(profile: Profile, month_ends: tuple[int, int]) -> RenewBundle:
            tariff = self._books.of(tenant).at(asked.request_time_ms)
            bundle = tariff.bundles.get(bundle_id)
            refusal: Outcome | None = Outcome.SERVICE_DENIED
            if bundle is not None:
                refusal = _refusal(tariff, bundle, profile)
            call = self._mutations.call(asked, account_id, "RenewBundle", _context(tariff, profile))
            # Two servers find it due at two times; it is one renewal all the same.
            call["fingerprint"] = fingerprint("RenewBundle", bundle_id, due_ms)
            return RenewBundle(
                profile=profile,
                bundle_id=bundle_id,
                bundle=bundle if refusal is None else None,
                refusal=refusal,
                due_ms=due_ms,
                month_ends=month_ends,
                **call,
            )

        return await self._sell(tenant, account_id, build)

    async def cancel_renewal(self, ask: CancelBundleRenewalAsked) -> Answer:
        """Let a bundle end."""
        profile = await self._mutations.profile(ask.asked.tenant, ask.account_id)
        tariff = self._books.of(ask.asked.tenant).at(ask.asked.request_time_ms)
        call = self._mutations.call(
            ask.asked,
            ask.account_id,
            "CancelBundleRenewal",
            _context(tariff, profile),
            ask.bundle_id,
        )
        return await self._mutations.run(CancelBundleRenewal(bundle_id=ask.bundle_id, **call))

    async def list(self, tenant: str, account_id: str) -> tuple[list[Bundle], AccountState, int]:
        """Return what the account may buy, by id, the account and the store's clock."""
        found = await self._ledger.snapshot(tenant, account_id)
        if isinstance(found, Answer):
            raise failure(found)
        state, store_ms = found
        plan, tariff = state.terms.plan, self._books.of(tenant).at(store_ms)
        bundles = sorted(tariff.bundles.values(), key=lambda bundle: bundle.bundle_id)
        if state.terms.currency != tariff.currency:
            bundles = []
        return [one for one in bundles if _sold_to(one, plan)], state, store_ms

    async def _sell(
        self,
        tenant: str,
        account_id: str,
        build: Callable[[Profile, tuple[int, int]], _Sale],
    ) -> Answer:
        """Run a sale again while the script finds it built on an old view."""
        profile = await self._mutations.profile(tenant, account_id)
        at_ms = self._now_ms() - _BEHIND_MS
        answer = await self._ledger.execute(build(profile, _month_ends(profile, at_ms)))
        for _ in range(STALE_RETRIES_MAX):
            if answer.reason is not Reason.STALE_PROFILE:
                break
            # The account's clock may be ahead of ours.
            at_ms = max(at_ms, answer.store_ms)
            profile = await self._mutations.profile(tenant, account_id, fresh=True)
            answer = await self._ledger.execute(build(profile, _month_ends(profile, at_ms)))
        if answer.reason is not None:
            raise failure(answer)
        return answer


def _refusal(tariff: Tariff, bundle: Bundle, profile: Profile) -> Outcome | None:
    if profile.terms.currency != tariff.currency:
        return Outcome.RATING_FAILED
    return None if _sold_to(bundle, profile.terms.plan) else Outcome.SERVICE_DENIED


def _context(tariff: Tariff, profile: Profile) -> EventContext:
    terms = profile.terms
    return EventContext(
        segment=terms.segment,
        plan=terms.plan,
        currency=terms.currency,
        tariff_version=tariff.version,
    )


def _sold_to(bundle: Bundle, plan: str) -> bool:
    return not bundle.plans or plan in bundle.plans


def _month_ends(profile: Profile, at_ms: int) -> tuple[int, int]:
    terms = profile.terms
    bounds = period_bounds(
        Period.MONTH, time_zone=terms.time_zone, anchor_day=terms.anchor_day, now_ms=at_ms
    )
    return bounds.end_ms, bounds.next_end_ms
