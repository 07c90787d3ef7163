"""The asyncio client: the same methods as the synchronous one, to be awaited."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc

from ocs.client.aio_stream import AsyncChargeStream
from ocs.client.attempts import Attempts, RetryPolicy, Throttle
from ocs.client.connection import (
    TENANT_DEFAULT,
    TIMEOUT_DEFAULT_S,
    AsyncStubs,
    ChannelOptions,
    Metadata,
    aio_channel,
    method_of,
    resolve_target,
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
from ocs.client.reservation import AsyncReservation, ReserveCall
from ocs.client.results import GrantResult
from ocs.client.security import ClientCertificate, secure
from ocs.client.status import failure_of
from ocs.client.tariffs import TariffText
from ocs.v1.insights_service_pb2 import ExportEventsResponse, WatchNowRequest

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def _method(
    build: Callable[P, Operation[ResultT]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, ResultT]]:
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        return await self.send(build(*args, **kwargs))

    present(method, build)
    return method


def _reserve_method(
    build: Callable[P, Operation[GrantResult]],
) -> Callable[Concatenate["AsyncClient", P], ReserveCall]:
    def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> ReserveCall:
        return ReserveCall(self, build(*args, **kwargs))

    present(method, build, ReserveCall)
    return method


async def _pieces(call: AsyncIterable[ExportEventsResponse]) -> AsyncIterator[ExportPiece]:
    received = Received()
    try:
        async for message in call:
            yield received.piece(message)
    except grpc.RpcError as error:
        raise error_of(failure_of(error)) from error
    received.end()


class AsyncClient:
    """As Client, for asyncio. Make it, and use it, inside the running event loop.

    `reserve` may be awaited for its handle, or entered: `async with client.reserve(...) as r`.
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
        self.channel = aio_channel(self.target, security.credentials, (*security.options, *options))
        self.stubs = AsyncStubs(self.channel)

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

    def charge_stream(self) -> AsyncChargeStream:
        """As Client.charge_stream; use it in an `async with` block, or close it."""
        return AsyncChargeStream(
            lambda: self.stubs.charging.ChargeStream(metadata=self._metadata),
            self.timeout_s,
            self._retry,
            self._throttle,
        )

    async def watch_now(self) -> AsyncIterator[NowResult]:
        """As Client.watch_now."""
        call = self.stubs.insights.WatchNow(WatchNowRequest(), metadata=self._metadata)
        try:
            async for message in call:
                yield decode_now(message)
        except grpc.RpcError as error:
            raise error_of(failure_of(error)) from error
        finally:
            call.cancel()

    @asynccontextmanager
    async def export_events(
        self,
        kind: ExportKind,
        format_: ExportFormat,
        start_time: datetime,
        end_time: datetime,
        *,
        partial: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[AsyncIterator[ExportPiece]]:
        """As Client.export_events, in an `async with` block."""
        call = self.stubs.insights.ExportEvents(
            request_of(kind, format_, start_time, end_time, partial=partial),
            timeout=self.timeout_s if timeout_s is None else timeout_s,
            metadata=self._metadata,
        )
        try:
            yield _pieces(call)
        finally:
            call.cancel()

    async def list_charging_events(
        self, account_id: str, *, page_size: int = 0, timeout_s: float | None = None
    ) -> AsyncIterator[ChargingEvent]:
        """The account's journal, newest first, fetched page by page; timeout_s is per page."""
        page_token = ""
        while True:
            page = await self.list_charging_events_page(
                account_id, page_size=page_size, page_token=page_token, timeout_s=timeout_s
            )
            for event in page.events:
                yield event
            page_token = page.next_page_token
            if not page_token:
                return

    async def get_tariff(self, version: str, *, timeout_s: float | None = None) -> TariffText:
        """A version with its whole text, fetched piece by piece; timeout_s is per piece."""
        text, offset = bytearray(), 0
        while True:
            piece = await self.get_tariff_piece(version, offset=offset, timeout_s=timeout_s)
            text += piece.text
            offset = piece.next_offset
            if not offset:
                return TariffText(piece.tariff, bytes(text))

    def reservation(self, grant: GrantResult) -> AsyncReservation:
        """A handle for a grant, e.g. one that a resent reserve returned."""
        return AsyncReservation(self, grant)

    def reservation_name(self, account_id: str, reservation_id: str) -> str:
        """The full name of a reservation of this client's tenant."""
        return reservation_name(self.tenant, account_id, reservation_id)

    async def resend(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation of unknown outcome again, unchanged: it is applied once at most.

        Returns what the first call would have returned (for a reserve, its GrantResult).
        """
        return await self._send(operation, sent_before=True)

    async def send(self, operation: Operation[ResultT]) -> ResultT:
        """Send an operation built with `ocs.client.operations`."""
        return await self._send(operation, sent_before=False)

    async def _send(self, operation: Operation[ResultT], *, sent_before: bool) -> ResultT:
        attempts = Attempts(
            operation, self.timeout_s, self._retry, self._throttle, sent_before=sent_before
        )
        call = method_of(self.stubs, operation)
        while True:
            try:
                answer = await call(
                    operation.request, timeout=attempts.remaining_s(), metadata=self._metadata
                )
            except grpc.RpcError as error:
                pause_s = attempts.pause_s_after(error)
            else:
                attempts.answered()
                return operation.decode(answer)
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Close the connection; calls under way are cancelled."""
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
