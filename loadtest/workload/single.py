"""What is one call and done: a message, a top-up."""

from typing import Any

from loadtest.workload.accounts import CURRENCY, Payer
from loadtest.workload.actor import GRANTED, Actor, Shared
from loadtest.workload.checks import (
    Stretch,
    check_charge,
    check_nothing_charged,
    check_top_up,
    require,
    word_of,
)
from loadtest.workload.mix import Kind, draw_top_up
from loadtest.workload.prices import terms_of
from ocs.domain.reservation import SessionRating
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2 as types


class Message(Actor):
    """An SMS: charged at once, or refused."""

    def __init__(self, shared: Shared, payer: Payer, kind: Kind) -> None:
        super().__init__(shared, payer.account_id)
        self._kind = kind

    def _next(self) -> tuple[str, Any]:
        self.done = True
        return "Debit", charging.DebitRequest(
            account_id=self.account_id,
            service_id=self._kind.service_id,
            used_units=1,
            basis=charging.DEBIT_BASIS_AUTHORIZE,
            other_party=self._kind.other_party,
        )

    def _take(self, request: Any, reply: Any) -> str:
        if reply.outcome != types.OUTCOME_CHARGED:
            check_nothing_charged(reply)
            return word_of(reply.outcome)
        stretch = Stretch(terms_of(self._kind), SessionRating(0))
        check_charge(reply, stretch, request.used_units, request.used_units)
        require(not reply.HasField("cap"), "charged, and a cap", reply)
        return GRANTED


class TopUp(Actor):
    """A payment that a top-up system credits."""

    def __init__(self, shared: Shared, payer: Payer) -> None:
        super().__init__(shared, payer.account_id)
        self._micros = draw_top_up(shared.rng)

    def _next(self) -> tuple[str, Any]:
        self.done = True
        return "TopUp", accounts.TopUpRequest(
            account_id=self.account_id,
            payment_reference=self.actor_id,
            money=accounts.MoneyCredit(micros=self._micros, currency=CURRENCY),
        )

    def _take(self, _: Any, reply: Any) -> str:
        check_top_up(reply, self._micros)
        return GRANTED
