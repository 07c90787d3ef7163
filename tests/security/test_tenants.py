"""A tenant's accounts are not there for another tenant, whatever it calls."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from ocs.store.embedded import EmbeddedValkey
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import bundle_service_pb2 as bundles
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import tariff_service_pb2 as tariffs
from ocs.v1 import types_pb2
from tests.security.support import (
    Caller,
    Guarded,
    Known,
    bearer,
    caller,
    credential,
    guarded,
    write,
)
from tests.support.live import Live
from tests.support.methods import METHODS
from tests.support.rerating import correct_charge
from tests.tariffs.support import tariff_text

NOT_FOUND: Final = grpc.StatusCode.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Names:
    """What a request may name: an account, a line's number, a reservation, a request."""

    account_id: str
    msisdn: str
    reservation: str
    request_id: str
    payment_reference: str
    event: str

    @property
    def identity(self) -> Any:
        return types_pb2.SubscriberIdentity(msisdn=self.msisdn)


Make = Callable[[Live, Names], Any]

# One request for each way of each method to name something of an account.
REQUESTS: Final[dict[str, Make]] = {
    "Reserve": lambda live, of: live.reserve(of.account_id),
    "Reserve by number": lambda live, of: live.reserve("", identity=of.identity),
    "Reserve for a line": lambda live, of: live.reserve(of.account_id, subscriber_id="line"),
    "Commit": lambda live, of: live.commit(of.reservation, 1),
    "Commit and go on": lambda live, of: live.commit_next(of.reservation, 1, 1),
    "Release": lambda live, of: live.release(of.reservation),
    "Debit": lambda live, of: live.debit(of.account_id),
    "Debit by number": lambda live, of: live.debit("", identity=of.identity),
    "Quote": lambda _, of: charging.QuoteRequest(
        account_id=of.account_id, service_id="sms", units=1
    ),
    "Quote by number": lambda _, of: charging.QuoteRequest(
        identity=of.identity, service_id="sms", units=1
    ),
    "ExplainCharge": lambda _, of: charging.ExplainChargeRequest(event=of.event),
    "GetReservation": lambda _, of: charging.GetReservationRequest(reservation=of.reservation),
    "ListReservations": lambda _, of: charging.ListReservationsRequest(account_id=of.account_id),
    "GetRequest": lambda _, of: charging.GetRequestRequest(
        account_id=of.account_id, asked_request_id=of.request_id
    ),
    "ChargeStream": lambda live, of: live.batch(live.reserve(of.account_id)),
    "ChargeStream by number": lambda live, of: live.batch(live.reserve("", identity=of.identity)),
    "ChargeStream by name": lambda live, of: live.batch(live.commit(of.reservation, 1, "keep")),
    "GetAccount": lambda _, of: accounts.GetAccountRequest(account_id=of.account_id),
    "SuspendAccount": lambda live, of: live.stamped(
        accounts.SuspendAccountRequest(account_id=of.account_id)
    ),
    "ResumeAccount": lambda live, of: live.stamped(
        accounts.ResumeAccountRequest(account_id=of.account_id)
    ),
    "CloseAccount": lambda live, of: live.stamped(
        accounts.CloseAccountRequest(account_id=of.account_id)
    ),
    "UpdateAccount": lambda live, of: live.stamped(
        accounts.UpdateAccountRequest(
            account_id=of.account_id, update_mask=FieldMask(paths=["plan"]), plan="prepaid"
        )
    ),
    "AddSubscriber": lambda live, of: live.add_subscriber(of.account_id, "other"),
    "UpdateSubscriber": lambda live, of: live.update_subscriber(of.account_id, "spare"),
    "RemoveSubscriber": lambda live, of: live.remove_subscriber(of.account_id, "spare"),
    "LookupSubscriber": lambda _, of: accounts.LookupSubscriberRequest(identity=of.identity),
    "TopUp": lambda live, of: live.top_up(of.account_id, micros=1),
    "Refund": lambda live, of: live.refund(of.event),
    "CorrectCharge": lambda live, of: correct_charge(live, of.event),
    "WithdrawBalance": lambda live, of: live.withdraw(of.account_id, 1),
    "AdjustBucket": lambda live, of: live.adjust(of.account_id, 1),
    "ReverseTopUp": lambda live, of: live.reverse(of.account_id, of.payment_reference),
    "SetBucketThreshold": lambda live, of: live.stamped(
        accounts.SetBucketThresholdRequest(
            account_id=of.account_id,
            bucket_id="main",
            threshold=1,
            unit=types_pb2.UNIT_TYPE_MICROS,
        )
    ),
    "PurchaseBundle": lambda live, of: live.stamped(
        bundles.PurchaseBundleRequest(account_id=of.account_id, bundle_id="day-1gb")
    ),
    "CancelBundleRenewal": lambda live, of: live.stamped(
        bundles.CancelBundleRenewalRequest(account_id=of.account_id, bundle_id="data-10gb")
    ),
    "ListBundles": lambda _, of: bundles.ListBundlesRequest(account_id=of.account_id),
    "ListChargingEvents": lambda _, of: accounts.ListChargingEventsRequest(
        account_id=of.account_id
    ),
    "SetSpendingCap": lambda live, of: live.set_cap(of.account_id, limit_micros=1),
    "DeleteSpendingCap": lambda live, of: live.delete_cap(of.account_id),
    "ListSpendingCaps": lambda _, of: caps.ListSpendingCapsRequest(account_id=of.account_id),
}
# Opens an account of its own; that it names one of another tenant is no fault.
OPENS: Final = {"CreateAccount"}
# Names none: answers with the caller's own.
LISTS: Final = {"ListAccounts"}
# Names no account: a tenant's tariffs have a test of their own.
TARIFFS: Final = {"LoadTariff", "ActivateTariff", "GetTariff", "ListTariffs", "DiffTariffs"}
# Its items name what those of the unary methods do.
CARRIES: Final = {"ChargeStream"}
NAMING: Final = {"account_id", "identity", "reservation", "event", "event_id"}


@dataclass(frozen=True, slots=True)
class Two:
    """Two tenants at one service. The first has an account; the second knows its names."""

    server: Guarded
    live: Live
    first: Caller
    second: Caller
    known: Known
    names: Names
    nothing: Names


@pytest.fixture(scope="module")
async def two(
    store: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Two]:
    path = tmp_path_factory.mktemp("tenants") / "credentials"
    first, second = credential("one", tenant="first"), credential("two", tenant="second")
    write(path, [first, second])
    async with guarded(store, credentials_path=path) as server, caller(server, first) as owner:
        live = server.live()
        number = live.new_msisdn()
        await owner.call(live.create("shared-name"))
        paying = live.top_up("shared-name", micros=100_000_000)
        await owner.call(paying)
        charged = await owner.call(live.debit("shared-name"))
        renewing = bundles.PurchaseBundleRequest(
            account_id="shared-name", bundle_id="data-10gb", renew=True
        )
        await owner.call(live.stamped(renewing))
        line = live.add_subscriber("shared-name", "line")
        line.identities.add(msisdn=number)
        await owner.call(line)
        holding = live.reserve("shared-name")
        held = await owner.call(holding)
        await owner.call(live.add_subscriber("shared-name", "spare"))
        await owner.call(live.set_cap("shared-name", limit_micros=1_000_000))
        assert held.reservation.startswith("tenants/first/accounts/shared-name/")
        gone = held.reservation.replace("shared", "no")
        no_event = charged.charge.event.replace("shared", "no")
        nothing = Names(
            "no-name",
            live.new_msisdn(),
            gone,
            holding.request_id,
            paying.payment_reference,
            no_event,
        )
        yield Two(
            server,
            live,
            owner,
            Caller(owner.channel, bearer(second)),
            first,
            Names(
                "shared-name",
                number,
                held.reservation,
                holding.request_id,
                paying.payment_reference,
                charged.charge.event,
            ),
            nothing,
        )


def test_no_method_is_forgotten() -> None:
    naming = {
        name for name, method in METHODS.items() if NAMING & set(method.input_type.fields_by_name)
    }

    requested = {name.split(" ")[0] for name in REQUESTS}
    assert requested | OPENS == naming | CARRIES == set(METHODS) - LISTS - TARIFFS


async def test_a_list_has_only_the_callers_own(two: Two) -> None:
    request = accounts.ListAccountsRequest(page_size=500)

    own = await two.first.call(request)
    others = await two.second.call(request)

    assert "shared-name" in {each.account_id for each in own.accounts}
    assert "shared-name" not in {each.account_id for each in others.accounts}


async def test_tariffs_are_the_tenants_own(two: Two) -> None:
    def load(price: str) -> tariffs.LoadTariffRequest:
        return tariffs.LoadTariffRequest(request_id="r", chunks=[tariff_text("own", price)])

    await two.first.call(load("0.10"))
    named = [
        tariffs.GetTariffRequest(version="own"),
        tariffs.DiffTariffsRequest(from_version="own", to_version="own"),
        tariffs.ActivateTariffRequest(
            request_id="r", version="own", activate_time=Timestamp(seconds=4_000_000_000)
        ),
    ]
    for request in named:
        refused = await two.second.refused(request)
        assert (refused.code, refused.reason) == (NOT_FOUND, "TARIFF_NOT_FOUND")
    listed = await two.second.call(tariffs.ListTariffsRequest())
    assert "own" not in {each.version for each in listed.tariffs}

    # The same version with another text is another tariff.
    await two.second.call(load("0.20"))
    own, other = [
        (await who.call(tariffs.GetTariffRequest(version="own"))).text
        for who in (two.first, two.second)
    ]
    assert (own, other) == (tariff_text("own", "0.10"), tariff_text("own", "0.20"))


@pytest.mark.parametrize("name", REQUESTS)
async def test_the_owner_finds_it(two: Two, name: str) -> None:
    """That the requests are good ones: the owner is not told NOT_FOUND."""
    request = REQUESTS[name](two.live, two.names)
    try:
        await two.first.call(request)
    except grpc.aio.AioRpcError as error:
        # An earlier case may have closed the one reservation.
        if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
            raise


@pytest.mark.parametrize("name", REQUESTS)
async def test_another_tenant_does_not_learn_that_it_is_there(two: Two, name: str) -> None:
    with two.live.unchanged():
        there = await two.second.refused(REQUESTS[name](two.live, two.names))
        nowhere = await two.second.refused(REQUESTS[name](two.live, two.nothing))

    assert there.code is NOT_FOUND
    assert there == nowhere


async def test_the_same_name_is_another_account(two: Two) -> None:
    await two.second.call(two.live.create("shared-name", segment="other"))
    own = await two.second.call(accounts.GetAccountRequest(account_id="shared-name"))
    first = await two.first.call(accounts.GetAccountRequest(account_id="shared-name"))

    assert (own.account.segment, first.account.segment) == ("other", "none")
    refused = await two.second.refused(two.live.commit(two.names.reservation, 1))
    assert refused.code is NOT_FOUND


async def test_the_same_number_and_payment_are_others(two: Two) -> None:
    """Numbers and references are each tenant's own."""
    for who, account in ((two.first, "numbers-1"), (two.second, "numbers-2")):
        await who.call(two.live.create(account))
        line = two.live.add_subscriber(account, "line")
        line.identities.add(msisdn="33600000001")
        await who.call(line)
        await who.call(two.live.top_up(account, micros=5, payment_reference="paid-1"))
        found = await who.call(
            accounts.LookupSubscriberRequest(
                identity=types_pb2.SubscriberIdentity(msisdn="33600000001")
            )
        )
        assert found.account_id == account


async def test_a_page_token_leads_into_no_other_account(two: Two) -> None:
    page = await two.first.call(
        accounts.ListChargingEventsRequest(account_id="shared-name", page_size=1)
    )
    await two.second.call(two.live.create("reader"))

    stolen = await two.second.call(
        accounts.ListChargingEventsRequest(account_id="reader", page_token=page.next_page_token)
    )

    assert not stolen.events


async def test_every_event_says_whose_credential_it_was(two: Two) -> None:
    page = await two.first.call(accounts.ListChargingEventsRequest(account_id="shared-name"))

    assert page.events
    assert {event.context.actor for event in page.events} == {two.known.actor}
    assert all(event.event.startswith("tenants/first/") for event in page.events)
