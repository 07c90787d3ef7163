"""The users: gateways with their sessions, and top-up systems with their payments."""

from functools import cache

import grpc
import grpc.experimental.gevent as grpc_gevent
from gevent.lock import Semaphore
from locust import User, task
from locust.env import Environment

from loadtest.access import Door
from loadtest.calls import Connections, stub_call
from loadtest.locust.options import pause_s_of, prefix_of
from loadtest.locust.reporter import Reporter
from loadtest.traffic import TIMEOUT_S, WrongAnswerError
from loadtest.workload.actor import Actor, Call
from loadtest.workload.mix import mix_of
from loadtest.workload.source import Source

# Before any channel exists; locust has patched the rest of the standard library by now.
grpc_gevent.init_gevent()

_LOOK_S = 0.2
# Of ten users. A top-up takes longer than a charge, and top-up systems wait until one is due, so
# more of them than a fifth keep a fifth of the calls.
_GATEWAYS, _TOP_UP_SYSTEMS = 6, 4


class Traffic:
    """What all users of this process share."""

    def __init__(self, environment: Environment) -> None:
        assert environment.parsed_options is not None
        mix = mix_of(environment.parsed_options)
        self.source = Source(mix, prefix_of(environment))
        self.top_ups_due = Semaphore(0)
        self._per_charge = mix.top_up_share / (1 - mix.top_up_share)
        self._owed = 0.0

    def charged(self) -> None:
        """A charging call was made: so much of a top-up is due."""
        self._owed += self._per_charge
        if self._owed >= 1:
            self._owed -= 1
            self.top_ups_due.release()


@cache
def traffic_of(environment: Environment) -> Traffic:
    """The shared part; the first user makes it."""
    return Traffic(environment)


class Caller(User):
    """Whoever has a connection and one call under way."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.traffic = traffic_of(environment)
        self._under_way: Actor | None = None

    def wait_time(self) -> float:
        """The pause after each call."""
        return pause_s_of(self.environment)

    def on_start(self) -> None:
        """Connect."""
        address = self.environment.host
        assert address, "--host names the service"
        door = Door.of(address)
        self._channel, self._metadata = door.channel(), door.metadata
        reporting = grpc.intercept_channel(self._channel, Reporter(self.environment, self._judge))
        self._calls = {name: stub_call(reporting, name) for name in Connections.METHODS}

    def on_stop(self) -> None:
        """End what is open, so that a run leaves no holds, and disconnect."""
        self.finish()
        self._channel.close()

    def finish(self) -> None:
        """End what is open."""

    def send(self, actor: Actor, call: Call) -> bool:
        """Send a call; whether its answer was right. The interceptor has reported it."""
        self._under_way = actor
        try:
            self._calls[call.method](call.request, timeout=TIMEOUT_S, metadata=self._metadata)
        except (grpc.RpcError, WrongAnswerError):
            return False
        return True

    def _judge(self, reply: object) -> str:
        assert self._under_way is not None
        return self._under_way.take(reply)


class GatewayUser(Caller):
    """A gateway: one session or message after the other, one call per task."""

    weight = _GATEWAYS

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._actor: Actor | None = None

    @task
    def report_and_reserve(self) -> None:
        """The next call of the session, or the first of a new one."""
        actor, self._actor = self._actor, None  # gone, should the end of the run cut this call off
        call = actor.next_call() if actor is not None else None
        while call is None:
            actor = self.traffic.source.charging()
            call = actor.next_call()
        assert actor is not None
        right = self.send(actor, call)
        self.traffic.charged()
        if right:
            self._actor = actor

    def finish(self) -> None:
        """Go on to the session's end."""
        while self._actor is not None and (call := self._actor.next_call()) is not None:
            if not self.send(self._actor, call):
                return


class TopUpUser(Caller):
    """A top-up system: pays in step with what the gateways charge."""

    weight = _TOP_UP_SYSTEMS

    @task
    def pay(self) -> None:
        """One payment, and perhaps its resend, once one is due."""
        if not self.traffic.top_ups_due.acquire(timeout=_LOOK_S):
            return
        payment = self.traffic.source.top_up()
        while (call := payment.next_call()) is not None:
            if not self.send(payment, call):
                return
