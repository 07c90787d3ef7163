"""The methods of ChargingService that only read."""

from typing import Final

from ocs.domain.answer import Answer, Outcome
from ocs.domain.reservation import ReservationState, ServiceTerms
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.domain.view import ReservationView
from ocs.rpc import convert, errors
from ocs.rpc.call import CallInfo
from ocs.rpc.explanations import add_lines, set_step
from ocs.rpc.method import Handler
from ocs.rpc.names import parse_reservation, reservation_name
from ocs.service.queries import Queries
from ocs.service.requests import Place
from ocs.v1 import charging_service_pb2 as pb

_STATES: Final = {
    state: pb.ReservationState.Value(f"RESERVATION_STATE_{state.name}")
    for state in ReservationState
}


class QueryHandlers:
    """Handlers of Quote, GetReservation, ListReservations and GetRequest."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def handlers(self) -> dict[str, Handler]:
        """Name the handlers."""
        return {
            "Quote": self.quote,
            "GetReservation": self.get_reservation,
            "ListReservations": self.list_reservations,
            "GetRequest": self.get_request,
        }

    async def quote(self, call: CallInfo, request: pb.QuoteRequest) -> pb.QuoteResponse:
        """Price units."""
        found = await self._queries.quote(
            call.tenant, convert.payer_of(request), place_of(request), request.units
        )
        call.account_id = found.account_id
        answer = found.priced.answer
        assert answer.outcome is not None
        response = pb.QuoteResponse(
            outcome=convert.OUTCOMES[answer.outcome],
            rated_units=found.priced.rated_units,
            price_micros=found.priced.price_micros,
            connect_micros=found.terms.rate.connect_micros if found.terms is not None else 0,
            currency=found.currency,
        )
        for payment in answer.payments:
            response.lines.add(
                bucket_id=payment.bucket_id, units=payment.units, micros=payment.micros
            )
        if answer.cap is not None:
            convert.set_cap_reached(response.cap, answer.cap)
        if found.terms is not None:
            response.unit = convert.UNIT_TYPES[found.terms.unit]
            response.zone = found.terms.zone
            response.tariff_version = found.terms.tariff_version
            response.grant_min_units = found.terms.grant_min
            response.grant_default_units = found.terms.grant_default
            response.grant_max_units = found.terms.grant_max
            _set_steps(response, found.terms)
        add_lines(response, found.explanation)
        convert.set_time(response.store_time, answer.store_ms)
        return response

    async def get_reservation(
        self, call: CallInfo, request: pb.GetReservationRequest
    ) -> pb.GetReservationResponse:
        """Read a reservation."""
        account_id, reservation_id = parse_reservation(request.reservation, call.tenant)
        call.account_id = account_id
        view, store_ms = await self._queries.reservation(call.tenant, account_id, reservation_id)
        response = pb.GetReservationResponse()
        _set_reservation(response.reservation, request.reservation, view)
        convert.set_time(response.store_time, store_ms)
        return response

    async def list_reservations(
        self, call: CallInfo, request: pb.ListReservationsRequest
    ) -> pb.ListReservationsResponse:
        """Read a page of the open reservations."""
        views, token, store_ms = await self._queries.open_reservations(
            call.tenant, request.account_id, request.page_size, request.page_token
        )
        response = pb.ListReservationsResponse(next_page_token=token)
        for view in views:
            reservation_id = view.reservation.reservation_id
            name = reservation_name(call.tenant, request.account_id, reservation_id)
            _set_reservation(response.reservations.add(), name, view)
        convert.set_time(response.store_time, store_ms)
        return response

    async def get_request(
        self, call: CallInfo, request: pb.GetRequestRequest
    ) -> pb.GetRequestResponse:
        """Read what a request led to."""
        account_id = request.account_id
        record = await self._queries.request(call.tenant, account_id, request.asked_request_id)
        response = pb.GetRequestResponse()
        convert.set_time(response.expire_time, record.expire_ms)
        _set_answer(response, record.answer, call.tenant, account_id)
        return response


def _set_answer(
    response: pb.GetRequestResponse, answer: Answer, tenant: str, account_id: str
) -> None:
    convert.set_receipt(response.receipt, answer)
    response.receipt.replayed = True
    response.bucket_id = answer.bucket_id
    if answer.reason is not None:
        response.reason = errors.wire_reason(answer.reason)
    if answer.outcome is None or answer.outcome is Outcome.DONE:
        return
    response.outcome = convert.OUTCOMES[answer.outcome]
    if answer.outcome is Outcome.CHARGED or answer.rated_units:
        convert.set_charge(response.charge, answer, tenant, account_id)
    if answer.outcome is Outcome.GRANTED or answer.cap is not None:
        convert.set_grant(response.grant, answer, None)
    if answer.reservation_id:
        response.reservation = reservation_name(tenant, account_id, answer.reservation_id)


def _set_reservation(message: pb.Reservation, name: str, view: ReservationView) -> None:
    reservation, hold = view
    terms = reservation.terms
    message.reservation = name
    message.state = _STATES[reservation.state]
    message.session_id = reservation.session_id
    message.subscriber_id = reservation.subscriber_id
    message.service_id = terms.service_id
    message.unit = convert.UNIT_TYPES[terms.unit]
    message.zone = terms.zone
    message.tariff_version = terms.tariff_version
    _set_steps(message, terms)
    convert.set_time(message.forget_time, reservation.forget_ms)
    if hold is None:
        return
    message.granted_units = hold.granted_units
    convert.set_time(message.expire_time, hold.expire_ms)
    for bucket_id, quantity in hold.lines:
        message.held.add(bucket_id=bucket_id, quantity=quantity)
    for line in hold.cap_lines:
        held = message.held_in_caps.add(cap_id=line.cap_id, quantity=line.quantity)
        if line.holder != ACCOUNT_HOLDER:
            convert.set_holder(held.holder, line.holder)
        convert.set_time(held.period_start_time, line.period_start_ms)


def _set_steps(message: pb.QuoteResponse | pb.Reservation, terms: ServiceTerms) -> None:
    for step in terms.rate.price_list():
        set_step(message.steps.add(), step)


def place_of(request: pb.ReserveRequest | pb.DebitRequest | pb.QuoteRequest) -> Place:
    """Read what picks the price."""
    event_time_ms = 0
    if request.HasField("event_time"):
        event_time_ms = convert.time_ms(request.event_time, "event_time")
    return Place(
        request.service_id,
        convert.UNITS[request.unit],
        request.other_party,
        request.visited_network,
        event_time_ms,
    )
