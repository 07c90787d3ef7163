"""The synchronous client."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import grpc

from ocs.client.attempts import Attempts, RetryPolicy, Throttle
from ocs.client.connection import (
    TENANT_DEFAULT,
    TIMEOUT_DEFAULT_S,
    ChannelOptions,
    Metadata,
    Stubs,
    method_of,
    resolve_target,
    sync_channel,
)
from ocs.client.decode.insights import now as decode_now
from ocs.client.errors import error_of
from ocs.client.events import ChargingEvent
from ocs.client.export import (
    ExportFormat,
    ExportKind,
    ExportPiece,
    Received,
    request_of,
)
from ocs.client.insights import NowResult
from ocs.client.names import reservation_name
from ocs.client.operation import Operation
from ocs.client.operations import (
    account,
    account_keeping,
    bundle,
    charging,
    corrections,
    health,
    insights,
    reading,
    spending_cap,
    tariff,
)
from ocs.client.present import present
from ocs.client.reservation import Reservation
from ocs.client.results import GrantResult
from ocs.client.security import ClientCertificate, secure
from ocs.client.status import failure_of
from ocs.client.stream import ChargeStream
from ocs.client.tariffs import TariffText
from ocs.v1.insights_service_pb2 import ExportEventsResponse, WatchNowRequest

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def _method(
    build: Callable[P, Operation[ResultT]],
) -> Callable[Concatenate["Client", P], ResultT]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        return self.send(build(*args, **kwargs))

    present(method, build)
    return method


def _reserve_method(
    build: Callable[P, Operation[GrantResult]],
) -> Callable[Concatenate["Client", P], Reservation]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Reservation:
        return self.reservation(self.send(build(*args, **kwargs)))

    present(method, build, Reservation)
    return method


def _pieces(call: Iterable[ExportEventsResponse]) -> Iterator[ExportPiece]:
    received = Received()
    try:
        for message in call:
            yield received.piece(message)
    except grpc.RpcError as error:
        raise error_of(failure_of(error)) from error
    received.end()


class Client:
    """A connection to the charging service, for any number of threads.

    Args:
        target: host:port, `unix:` path or any gRPC target; default OCS_TARGET, else
            localhost:7707.
        tenant: builds resource names. Who the caller is, is for its credential to say.
        timeout_s: deadline of a call, all its attempts together; a call may give its own.
        retry: when UNAVAILABLE is tried again; `NO_RETRY` never does.
        token: who calls; sent in clear text to this machine only.
        root_certificates: PEM of who signed the server's certificate; connects with TLS.
        client_certificate: PEM of the chain and of the key that the server may ask for.
        credentials: of the channel, in place of both; without any of them it is clear text.
        options: gRPC channel options.
        metadata: sent with every call.

    Every mutation has one request_id and request_time, kept on every attempt. Raises the errors of
    `ocs.client.errors`; a refused charge is no error but an outcome.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        tenant: str = TENANT_DEFAULT,
        timeout_s: float = TIMEOUT_DEFAULT_S,
        retry: RetryPolicy | None = None,
        token: str | None = None,
        root_certificates: bytes | None = None,
        client_certificate: ClientCertificate | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        options: ChannelOptions = (),
        metadata: Metadata = (),
    ) -> None:
        self.target = resolve_target(target)
        self.tenant = tenant
        self.timeout_s = timeout_s
        self._retry = retry or RetryPolicy()
        self._throttle = Throttle(self._retry.throttle_tokens)
        security = secure(
            self.target,
            token=token,
            credentials=credentials,
            root_certificates=root_certificates,
            client_certificate=client_certificate,
        )
        self._metadata = (*metadata, *security.metadata)
        self.channel = sync_channel(
            self.target, security.credentials, (*security.options, *options)
        )
        self.stubs = Stubs(self.channel)

    reserve = _reserve_method(charging.reserve)
    commit = _method(charging.commit)
    release = _method(charging.release)
    debit = _method(charging.debit)
    refund = _method(charging.refund)
    correct_charge = _method(charging.correct_charge)
    create_account = _method(account.create_account)
    get_account = _method(account.get_account)
    add_subscriber = _method(account.add_subscriber)
    remove_subscriber = _method(account.remove_subscriber)
    update_subscriber = _method(account.update_subscriber)
    lookup_subscriber = _method(account.lookup_subscriber)
    top_up = _method(account.top_up)
    list_charging_events_page = _method(account.list_charging_events_page)
    set_spending_cap = _method(spending_cap.set_spending_cap)
    delete_spending_cap = _method(spending_cap.delete_spending_cap)
    list_spending_caps = _method(spending_cap.list_spending_caps)
    load_tariff = _method(tariff.load_tariff)
    activate_tariff = _method(tariff.activate_tariff)
    get_tariff_piece = _method(tariff.get_tariff_piece)
    list_tariffs_page = _method(tariff.list_tariffs_page)
    diff_tariffs = _method(tariff.diff_tariffs)
    suspend_account = _method(account_keeping.suspend_account)
    resume_account = _method(account_keeping.resume_account)
    close_account = _method(account_keeping.close_account)
    update_account = _method(account_keeping.update_account)
    withdraw_balance = _method(corrections.withdraw_balance)
    adjust_bucket = _method(corrections.adjust_bucket)
    reverse_top_up = _method(corrections.reverse_top_up)
    set_bucket_threshold = _method(corrections.set_bucket_threshold)
    purchase_bundle = _method(bundle.purchase_bundle)
    cancel_bundle_renewal = _method(bundle.cancel_bundle_renewal)
    list_bundles = _method(bundle.list_bundles)
    quote = _method(reading.quote)
    explain_charge = _method(reading.explain_charge)
    get_reservation = _method(reading.get_reservation)
    list_reservations_page = _method(reading.list_reservations_page)
    get_request = _method(reading.get_request)
    list_accounts_page = _method(reading.list_accounts_page)
    get_revenue = _method(insights.get_revenue)
    get_usage = _method(insights.get_usage)
    list_refusals = _method(insights.list_refusals)
    get_position = _method(insights.get_position)
    list_limits_page = _method(insights.list_limits_page)
    list_timeline_page = _method(insights.list_timeline_page)
    run_query = _method(insights.run_query)
    health = _method(health.health)

    def charge_stream(self) -> ChargeStream:
        """A stream of batches: the fast path of a gateway. Use it in a `with` block, or close it.

        A batch that leaves an outcome unknown is resolved by sending its operations again, with
        `sent_before`.
        """
        return ChargeStream(
            lambda requests: self.stubs.charging.ChargeStream(requests, metadata=self._metadata),
            self.timeout_s,
            self._retry,
            self._throttle,
        )

    def watch_now(self) -> Iterator[NowResult]:
        """What happens now, once a second, of `ocs insights`; until the iterator is closed."""
        call = self.stubs.insights.WatchNow(WatchNowRequest(), metadata=self._metadata)
        try:
            for message in call:
                yield decode_now(message)
        except grpc.RpcError as error:
            raise error_of(failure_of(error)) from error
        finally:
            call.cancel()

    @contextmanager
    def export_events(
        self,
        kind: ExportKind,
        format_: ExportFormat,
        start_time: datetime,
        end_time: datetime,
        *,
        partial: bool = False,
        timeout_s: float | None = None,
    ) -> Iterator[Iterator[ExportPiece]]:
        """What entered the books from start_time to end_time as a file, of `ocs insights`.

        In the block: an iterator of what the file will have, its parts, and what it has, checked.
        partial: as far as the figures are, if that is not end_time. timeout_s: of all of it.
        """
        call = self.stubs.insights.ExportEvents(
            request_of(kind, format_, start_time, end_time, partial=partial),
            timeout=self.timeout_s if timeout_s is None else timeout_s,
            metadata=self._metadata,
        )
        try:
            yield _pieces(call)
        finally:
            call.cancel()

    def list_charging_events(
        self, account_id: str, *, page_size: int = 0, timeout_s: float | None = None
    ) -> Iterator[ChargingEvent]:
        """The account's journal, newest first, fetched page by page; timeout_s is per page."""
        page_token = ""
        while True:
            page = self.list_charging_events_page(
                account_id, page_size=page_size, page_token=page_token, timeout_s=timeout_s
            )
            yield from page.events
            page_token = page.next_page_token
            if not page_token:
                return

    def get_tariff(self, version: str, *, timeout_s: float | None = None) -> TariffText:
        """A version with its whole text, fetched piece by piece; timeout_s is per piece."""
        text, offset = bytearray(), 0
        while True:
            piece = self.get_tariff_piece(version, offset=offset, timeout_s=timeout_s)
            text += piece.text
            offset = piece.next_offset
            if not offset:
                return TariffText(piece.tariff, bytes(text))

    def reservation(self, grant: GrantResult) -> Reservation:
        """A handle for a grant, e.g. one that a resent reserve returned."""
        return Reservation(self, grant)

    def reservation_name(self, account_id: str, reservation_id: str) -> str:
        """The full name of a reservation of this client's tenant."""
        return reservation_name(self.tenant, account_id, reservation_id)

    def resend(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation of unknown outcome again, unchanged: it is applied once at most.

        Returns what the first call would have returned (for a reserve, its GrantResult).
        """
        return self._send(operation, sent_before=True)

    def send(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation built with `ocs.client.operations`."""
        return self._send(operation, sent_before=False)

    def _send(self, operation: Operation[ResultT], *, sent_before: bool) -> ResultT:
        attempts = Attempts(
            operation, self.timeout_s, self._retry, self._throttle, sent_before=sent_before
        )
        call = method_of(self.stubs, operation)
        while True:
            try:
                answer = call(
                    operation.request, timeout=attempts.remaining_s(), metadata=self._metadata
                )
            except grpc.RpcError as error:
                pause_s = attempts.pause_s_after(error)
            else:
                attempts.answered()
                return operation.decode(answer)
            time.sleep(pause_s)

    def close(self) -> None:
        """Close the connection; calls under way are cancelled."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
