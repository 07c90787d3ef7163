"""Bundles."""

from typing import Annotated, Unpack

import typer

from ocs.cli import options
from ocs.cli.command import command
from ocs.client import Client, ListBundlesResult, PurchaseResult, ReceiptResult
from ocs.client.operation import Sending

bundle_app = typer.Typer(
    help="Buy bundles of units, cancel their renewals, list them.", no_args_is_help=True
)

BundleId = Annotated[str, typer.Argument(metavar="BUNDLE", help="The bundle of the price book.")]


@command(bundle_app, "buy", example="ocs bundle buy alice family-10gb --renew")
def buy(
    client: Client,
    account_id: options.AccountId,
    bundle_id: BundleId,
    *,
    renew: Annotated[bool, typer.Option("--renew", help="Buy it again at its end.")] = False,
    **sending: Unpack[Sending],
) -> PurchaseResult:
    """Take a bundle's price, and open its buckets."""
    return client.purchase_bundle(account_id, bundle_id, renew=renew, **sending)


@command(bundle_app, "cancel", example="ocs bundle cancel alice family-10gb")
def cancel(
    client: Client,
    account_id: options.AccountId,
    bundle_id: BundleId,
    **sending: Unpack[Sending],
) -> ReceiptResult:
    """Let a bundle end: it is not bought again."""
    return client.cancel_bundle_renewal(account_id, bundle_id, **sending)


@command(bundle_app, "list", example="ocs bundle list alice")
def list_bundles(client: Client, account_id: options.AccountId) -> ListBundlesResult:
    """List what an account may buy, and what it buys again by itself."""
    return client.list_bundles(account_id)
