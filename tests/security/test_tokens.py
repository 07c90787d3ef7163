"""Who shows no token, a wrong one or one of yesterday is nobody, on every method."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ocs.store.embedded import EmbeddedValkey
from tests.security.support import (
    PAST,
    Caller,
    Guarded,
    Known,
    bearer,
    caller,
    credential,
    guarded,
    write,
)
from tests.support.methods import METHODS

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


@dataclass(frozen=True, slots=True)
class Door:
    server: Guarded
    channel: grpc.aio.Channel
    good: Known
    expired: Known
    tomorrow: Known

    def by(self, *metadata: tuple[str, str]) -> Caller:
        return Caller(self.channel, metadata)


@pytest.fixture(scope="module")
async def door(
    store: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    path: Path = tmp_path_factory.mktemp("door") / "credentials"
    good, expired = credential("good"), credential("expired", expires=PAST)
    tomorrow = credential("tomorrow", expires=datetime.now(UTC) + timedelta(days=1))
    write(path, [good, expired, tomorrow])
    async with guarded(store, credentials_path=path) as server, caller(server) as stranger:
        yield Door(server, stranger.channel, good, expired, tomorrow)


@pytest.mark.parametrize("method", METHODS)
async def test_without_a_token(door: Door, method: str) -> None:
    refused = await door.by().refused(method)

    assert (refused.code, refused.reason) == (UNAUTHENTICATED, "CREDENTIAL_MISSING")


@pytest.mark.parametrize("method", METHODS)
async def test_with_a_token_that_nobody_has(door: Door, method: str) -> None:
    unknown = credential("stranger")

    refused = await door.by(*bearer(unknown)).refused(method)

    assert (refused.code, refused.reason) == (UNAUTHENTICATED, "CREDENTIAL_UNKNOWN")


@pytest.mark.parametrize("method", METHODS)
async def test_with_a_token_that_has_expired(door: Door, method: str) -> None:
    refused = await door.by(*bearer(door.expired)).refused(method)

    assert (refused.code, refused.reason) == (UNAUTHENTICATED, "CREDENTIAL_EXPIRED")


@pytest.mark.parametrize("method", METHODS)
async def test_with_a_good_token_the_request_is_looked_at(door: Door, method: str) -> None:
    for known in (door.good, door.tomorrow, door.good):
        refused = await door.by(*bearer(known)).refused(method)

        assert refused.reason == "INVALID_FIELD"


async def test_a_header_that_is_no_bearer_token(door: Door) -> None:
    token = door.good.token
    for value in (
        token,
        f"Basic {token}",
        "Bearer",
        "Bearer ",
        f"Bearer {token} ",
        f"Bearer  {token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token.swapcase()}",
        "Bearer " + "x" * 4000,
    ):
        refused = await door.by(("authorization", value)).refused("GetAccount")

        assert (refused.code, refused.reason) == (UNAUTHENTICATED, "CREDENTIAL_UNKNOWN"), value


async def test_the_hash_of_a_token_is_no_token(door: Door) -> None:
    digest = door.good.entry.split('token_sha256 = "')[1][:64]

    refused = await door.by(("authorization", f"Bearer {digest}")).refused("GetAccount")

    assert refused.reason == "CREDENTIAL_UNKNOWN"


async def test_two_tokens_are_none(door: Door) -> None:
    twice = bearer(door.good) + bearer(door.tomorrow)

    refused = await door.by(*twice).refused("GetAccount")

    assert (refused.code, refused.reason) == (UNAUTHENTICATED, "CREDENTIAL_UNKNOWN")


async def test_the_scheme_may_be_spelled_in_any_case(door: Door) -> None:
    refused = await door.by(("authorization", f"bEARER {door.good.token}")).refused("GetAccount")

    assert refused.reason == "INVALID_FIELD"


async def test_what_a_caller_says_of_itself_is_not_believed(door: Door) -> None:
    said = (("x-ocs-tenant", "main"), ("x-ocs-actor", "good"), ("tenant", "main"))

    refused = await door.by(*said).refused("GetAccount")

    assert refused.reason == "CREDENTIAL_MISSING"


async def test_a_refusal_is_logged_without_the_token(door: Door) -> None:
    unknown = credential("stranger")

    await door.by(*bearer(unknown)).refused("GetAccount")

    line = door.server.log.getvalue().splitlines()[-1]
    assert b'"reason":"CREDENTIAL_UNKNOWN"' in line
    assert unknown.token.encode() not in door.server.log.getvalue()
    assert door.good.token.encode() not in door.server.log.getvalue()


async def test_health_asks_for_nothing(door: Door) -> None:
    stub = health_pb2_grpc.HealthStub(door.channel)

    reply = await stub.Check(health_pb2.HealthCheckRequest(service="ocs.liveness"), timeout=5)

    assert reply.status == health_pb2.HealthCheckResponse.SERVING
