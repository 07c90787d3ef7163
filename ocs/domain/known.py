"""What the service knows in advance of who pays, and of a reservation."""

from dataclasses import dataclass

from ocs.domain.reservation import Reservation, ServiceTerms
from ocs.domain.spending_cap import SpendingCap
from ocs.domain.state import AccountTerms
from ocs.domain.units import Unit


@dataclass(frozen=True, slots=True)
class Profile:
    """What the service knows of an account and, if one asks, of its subscriber.

    version: moves with every change of terms or caps; a command that carries an old one is
    answered STALE_PROFILE. caps: those of the account, the subscriber and its groups. identities:
    (kind, value) pairs of the subscriber.
    """

    tenant: str
    account_id: str
    version: int
    terms: AccountTerms
    subscriber_id: str
    group_ids: tuple[str, ...]
    caps: tuple[SpendingCap, ...]
    identities: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class ReservationFacts:
    """What the service must know of a reservation to name its keys and its caps.

    unit: the service's. zone, subscriber_id, tier, price_id, partner: empty for none. The rest: as
    in ServiceTerms and Reservation.
    """

    service_id: str
    unit: Unit
    zone: str
    session_id: str
    subscriber_id: str
    tier: str = ""
    price_id: str = ""
    partner: str = ""
    tariff_version: str = ""
    plan: str = ""
    change_ms: int = 0

    @classmethod
    def of(cls, reservation: Reservation) -> "ReservationFacts":
        """Take them from the reservation."""
        whose = (reservation.session_id, reservation.subscriber_id)
        return cls.granted(reservation.terms, reservation.plan, *whose, reservation.change_ms)

    @classmethod
    def granted(
        cls, terms: ServiceTerms, plan: str, session_id: str, subscriber_id: str, change_ms: int
    ) -> "ReservationFacts":
        """Build them as they are after a grant by these terms."""
        return cls(
            terms.service_id,
            terms.unit,
            terms.zone,
            session_id,
            subscriber_id,
            terms.tier,
            terms.price_id,
            terms.partner,
            terms.tariff_version,
            plan,
            change_ms,
        )
