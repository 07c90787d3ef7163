"""Methods as JSON: the same messages, rules and errors as over gRPC, and nothing more."""

import json
from typing import Any

import pytest

from ocs.domain.answer import Reason
from ocs.rpc.call import CallInfo
from ocs.rpc.errors import FAILURES
from ocs.rpc.json_api import HTTP_STATUS, JsonApi
from ocs.rpc.method import RpcService
from ocs.rpc.roles import Role
from ocs.service.errors import ServiceError
from ocs.telemetry.metrics import Metrics
from ocs.v1 import account_service_pb2 as pb

READER = frozenset({Role.READER})


class Accounts:
    """Answers for one account, and fails in two ways for others."""

    def __init__(self) -> None:
        self.calls: list[CallInfo] = []

    async def get_account(
        self, call: CallInfo, request: pb.GetAccountRequest
    ) -> pb.GetAccountResponse:
        self.calls.append(call)
        if request.account_id == "broken":
            raise RuntimeError("password is hunter2")
        if request.account_id != "alice":
            raise ServiceError(Reason.ACCOUNT_NOT_FOUND)
        account = pb.Account(account_id="alice", credit_limit_micros=2**53 - 1)
        return pb.GetAccountResponse(account=account)


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def api(accounts: Accounts, metrics: Metrics) -> JsonApi:
    descriptor = pb.DESCRIPTOR.services_by_name["AccountService"]
    handlers = {"GetAccount": accounts.get_account}
    return JsonApi([RpcService(descriptor, handlers)], ("GetAccount",), metrics)


async def asked(
    api: JsonApi, body: bytes, name: str = "GetAccount", roles: frozenset[Role] = READER
) -> tuple[int, Any]:
    status, answer = await api.call(name, body, tenant="main", actor="page", roles=roles)
    return status, json.loads(answer)


async def test_a_message_is_answered_with_exact_figures(api: JsonApi, accounts: Accounts) -> None:
    status, answer = await asked(api, b'{"account_id": "alice"}')
    assert status == 200
    assert answer["account"]["credit_limit_micros"] == "9007199254740991"
    (call,) = accounts.calls
    assert (call.tenant, call.actor) == ("main", "page")


async def test_the_errors_are_those_of_the_calls(api: JsonApi) -> None:
    status, answer = await asked(api, b'{"account_id": "bob"}')
    assert (status, answer["reason"]) == (404, "ACCOUNT_NOT_FOUND")
    assert answer["message"] == FAILURES["ACCOUNT_NOT_FOUND"].message


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        (b"\xff\xfe", ""),
        (b"[]", "account_id"),
        (b'{"no_such_field": 1}', ""),
        (b'{"account_id": 7}', ""),
        (b'{"account_id": "no spaces"}', "account_id"),
        (b"", "account_id"),
    ],
)
async def test_bad_input_names_the_field_and_repeats_nothing(
    api: JsonApi, accounts: Accounts, body: bytes, field: str
) -> None:
    status, answer = await asked(api, body)
    assert (status, answer["reason"]) == (400, "INVALID_FIELD")
    assert [one["field"] for one in answer["violations"]] == [field]
    assert "no_such_field" not in str(answer)
    assert accounts.calls == []


async def test_what_goes_wrong_inside_stays_inside(api: JsonApi) -> None:
    status, answer = await asked(api, b'{"account_id": "broken"}')
    assert (status, answer["reason"]) == (500, "INTERNAL")
    assert "hunter2" not in str(answer)


async def test_a_role_opens_what_it_opens_over_grpc(api: JsonApi, accounts: Accounts) -> None:
    status, answer = await asked(api, b'{"account_id": "alice"}', roles=frozenset({Role.GATEWAY}))
    assert (status, answer["reason"]) == (403, "ROLE_MISSING")
    assert accounts.calls == []


async def test_only_the_methods_named_are_served(api: JsonApi) -> None:
    for name in ("TopUp", "CreateAccount", "../GetAccount", ""):
        assert (await asked(api, b"{}", name))[0] == 404


async def test_calls_are_counted(api: JsonApi, metrics: Metrics) -> None:
    await asked(api, b'{"account_id": "alice"}')
    await asked(api, b'{"account_id": "bob"}')
    counted = {code for (_, code), _ in metrics.all_durations()}
    assert counted == {"OK", "NOT_FOUND"}


def test_every_code_but_our_own_fault_has_its_status() -> None:
    codes = {failure.code for failure in FAILURES.values()}
    assert {code.name for code in codes - HTTP_STATUS.keys()} <= {"INTERNAL", "OUT_OF_RANGE"}
