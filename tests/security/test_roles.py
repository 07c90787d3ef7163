"""Who may call what: the table against the contract, and a server that keeps to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest

from ocs.rpc.roles import ROLES, Role, roles_for
from ocs.store.embedded import EmbeddedValkey
from tests.security.support import Caller, Known, bearer, caller, credential, guarded, write
from tests.support.methods import INSIGHTS, METHODS

BY_FULL_NAME = {
    f"{method.containing_service.full_name}/{name}": name for name, method in METHODS.items()
}


@dataclass(frozen=True, slots=True)
class Door:
    channel: grpc.aio.Channel
    by_role: dict[Role, Known]

    def as_role(self, role: Role) -> Caller:
        return Caller(self.channel, bearer(self.by_role[role]))


@pytest.fixture(scope="module")
async def door(
    store: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    path = tmp_path_factory.mktemp("roles") / "credentials"
    by_role = {role: credential(f"the-{role}", role) for role in Role}
    write(path, list(by_role.values()))
    async with guarded(store, credentials_path=path) as server, caller(server) as stranger:
        yield Door(stranger.channel, by_role)


def test_every_method_of_the_contract_is_in_the_table() -> None:
    elsewhere = {f"{one.containing_service.full_name}/{name}" for name, one in INSIGHTS.items()}
    assert set(ROLES) == set(BY_FULL_NAME) | elsewhere


def test_every_method_is_open_to_somebody() -> None:
    assert all(ROLES.values())
    assert set().union(*ROLES.values()) == set(Role)


@pytest.mark.parametrize("method", ["", "ocs.v1.AccountService/Drop", "GetAccount"])
def test_a_method_that_is_not_in_the_table_is_closed(method: str) -> None:
    assert roles_for(method) == frozenset()


CHANGING = {
    full
    for full, name in BY_FULL_NAME.items()
    if "request_id" in METHODS[name].input_type.fields_by_name
}


def test_only_reading_is_open_to_readers() -> None:
    assert not [method for method in CHANGING if Role.READER in roles_for(method)]


def test_only_gateways_charge() -> None:
    service = "ocs.v1.ChargingService/"
    charging = [method for method in CHANGING if method.startswith(service)]
    roles = {method.removeprefix(service): ROLES[method] for method in charging}

    # What was charged an operator may give back.
    assert roles.pop("Refund") == {Role.GATEWAY, Role.OPERATOR}
    assert roles.pop("CorrectCharge") == {Role.OPERATOR}
    assert set(roles.values()) == {frozenset({Role.GATEWAY})}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("method", sorted(BY_FULL_NAME))
async def test_a_method_answers_the_roles_of_the_table_alone(
    door: Door, method: str, role: Role
) -> None:
    refused = await door.as_role(role).refused(BY_FULL_NAME[method])

    if role in ROLES[method]:
        assert refused.reason == "INVALID_FIELD"  # it was looked at
    else:
        assert refused.code is grpc.StatusCode.PERMISSION_DENIED
        assert (refused.reason, refused.metadata) == ("ROLE_MISSING", {})
