"""A gateway's charging session: reserve, reports with a next grant, and the end."""

from typing import Any

from loadtest.workload.accounts import Payer
from loadtest.workload.actor import GRANTED, Actor, Shared
from loadtest.workload.checks import Stretch, check_charge, check_grant, require, word_of
from loadtest.workload.mix import UNUSED_SHARE, Kind
from loadtest.workload.prices import terms_of
from ocs.domain.reservation import SessionRating
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2 as types

_USED_SHARE_MIN = 0.6
# Gateways stop a little after the last unit.
_FINAL_USED_SHARE_MAX = 1.03


class Session(Actor):
    """One session of data or voice."""

    def __init__(self, shared: Shared, payer: Payer, kind: Kind) -> None:
        super().__init__(shared, payer.account_id)
        rng = shared.rng
        self._kind = kind
        self._terms = terms_of(kind)
        self._money_only = not (payer.has_pack and kind.service_id == "data")
        self._requested_units = rng.randint(*kind.units)
        self._reports_left = rng.randint(0, kind.reports_max)
        self._unused = rng.random() < UNUSED_SHARE
        self._rating = SessionRating(0)
        self._reservation = ""
        self._grant = types.Grant()
        self._sequence_number = 0

    def _next(self) -> tuple[str, Any]:
        if not self._reservation:
            return "Reserve", self._reserve()
        if self._unused or not self._grant.granted_units:
            return "Release", charging.ReleaseRequest(reservation=self._reservation)
        return "Commit", self._commit()

    def _reserve(self) -> charging.ReserveRequest:
        return charging.ReserveRequest(
            account_id=self.account_id,
            service_id=self._kind.service_id,
            requested_units=self._requested_units,
            session_id=self.actor_id,
            sequence_number=self._sequence_number,
            reservation_id=self.actor_id,
            other_party=self._kind.other_party,
        )

    def _commit(self) -> charging.CommitRequest:
        self._sequence_number += 1
        final = self._grant.final_grant
        share = self.shared.rng.uniform(_USED_SHARE_MIN, _FINAL_USED_SHARE_MAX if final else 1.0)
        request = charging.CommitRequest(
            reservation=self._reservation,
            used=[charging.UsedSegment(units=max(1, int(self._grant.granted_units * share)))],
            sequence_number=self._sequence_number,
        )
        if self._reports_left and not final:
            self._reports_left -= 1
            request.next_grant.requested_units = self._requested_units
        else:
            request.close.SetInParent()
        return request

    # ------------------------------------------------------------------------------- answers

    def _take(self, request: Any, reply: Any) -> str:
        match request:
            case charging.ReserveRequest():
                return self._take_reserve(reply)
            case charging.CommitRequest():
                return self._take_commit(request, reply)
        require(reply.outcome == types.OUTCOME_RELEASED, "not released", reply)
        held = self._grant.reserved_micros
        require(reply.released_micros == held, f"held was {held}", reply)
        self.done = True
        return GRANTED

    def _take_reserve(self, reply: charging.ReserveResponse) -> str:
        self._check_grant(reply)
        if reply.grant.outcome != types.OUTCOME_GRANTED:
            require(not reply.reservation, "refused and open", reply)
            self.done = True
            return word_of(reply.grant.outcome)
        self._check_name(reply.reservation, reply)
        self._reservation, self._grant = reply.reservation, reply.grant
        return GRANTED

    def _take_commit(self, request: Any, reply: charging.CommitResponse) -> str:
        used_units = request.used[0].units
        stretch = Stretch(self._terms, self._rating)
        check_charge(reply, stretch, used_units, self._grant.granted_units)
        self._check_name(reply.reservation, reply)
        rated_units, _ = stretch.price(used_units)
        paid_to = self._rating.paid_to + rated_units
        self._rating = SessionRating(0, self._rating.position + used_units, paid_to)
        asked = request.HasField("next_grant")
        require(reply.HasField("grant") == asked, "a grant unasked, or none", reply)
        outcome = "UNCOLLECTED" if reply.charge.uncollected_units else GRANTED
        if not asked:
            self.done = True
            return outcome
        self._check_grant(reply)
        self._grant = reply.grant
        refused = reply.grant.outcome != types.OUTCOME_GRANTED
        return word_of(reply.grant.outcome) if refused else outcome

    def _check_grant(self, reply: charging.ReserveResponse | charging.CommitResponse) -> None:
        stretch = Stretch(self._terms, self._rating)
        check_grant(reply, stretch, self._requested_units, money_only=self._money_only)

    def _check_name(self, name: str, reply: object) -> None:
        own = f"/accounts/{self.account_id}/reservations/{self.actor_id}"
        require(name.startswith("tenants/") and name.endswith(own), "another reservation", reply)
