"""Balances corrected by hand."""

from typing import Annotated, Unpack

import typer

from ocs.cli import options, parse
from ocs.cli.command import command
from ocs.client import (
    Client,
    CorrectChargeResult,
    CorrectionResult,
    ReverseTopUpResult,
    Unit,
    UsageError,
)
from ocs.client.operation import Sending

app = typer.Typer()

BucketId = Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket's id.")]


def _quantity(micros: int | None, units: int | None, unit: Unit | None) -> tuple[int, Unit]:
    if micros is not None and units is None and unit is None:
        return micros, Unit.MICROS
    if units is not None and micros is None and unit is not None:
        return units, unit
    raise UsageError("give either --money, or --units and --unit")


@command(app, "withdraw", example="ocs withdraw alice main --money 5.00")
def withdraw(
    client: Client,
    account_id: options.AccountId,
    bucket_id: BucketId,
    *,
    micros: options.MoneyOption = None,
    units: options.UnitsOption = None,
    unit: options.UnitOption = None,
    reason: options.ReasonOption = "",
    **sending: Unpack[Sending],
) -> CorrectionResult:
    """Take money or units out of a bucket, at most what it has and does not hold."""
    quantity, counted = _quantity(micros, units, unit)
    return client.withdraw_balance(
        account_id, bucket_id, quantity, unit=counted, reason=reason, **sending
    )


@command(
    app,
    "adjust",
    example="ocs adjust alice main --take-off --money 1.50 --reason goodwill --decided-by clerk7",
)
def adjust(
    client: Client,
    account_id: options.AccountId,
    bucket_id: BucketId,
    *,
    micros: options.MoneyOption = None,
    units: options.UnitsOption = None,
    unit: options.UnitOption = None,
    take_off: Annotated[bool, typer.Option("--take-off", help="Debit; by default credit.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    decided_by: Annotated[
        str, typer.Option("--decided-by", metavar="ID", help="Whose decision it is.")
    ],
    **sending: Unpack[Sending],
) -> CorrectionResult:
    """Set a balance right by hand, without a payment."""
    quantity, counted = _quantity(micros, units, unit)
    return client.adjust_bucket(
        account_id,
        bucket_id,
        -quantity if take_off else quantity,
        unit=counted,
        reason=reason,
        decided_by=decided_by,
        **sending,
    )


@command(app, "threshold", example="ocs threshold alice main --money 2.00")
def threshold(
    client: Client,
    account_id: options.AccountId,
    bucket_id: BucketId,
    *,
    micros: options.MoneyOption = None,
    units: options.UnitsOption = None,
    unit: options.UnitOption = None,
    off: Annotated[
        bool, typer.Option("--off", help="No threshold any more; --unit says the bucket's.")
    ] = False,
    **sending: Unpack[Sending],
) -> CorrectionResult:
    """Have the event say so that brings a balance down to a mark, or below."""
    if off:
        if unit is None or micros is not None or units is not None:
            raise UsageError("with --off give --unit, and no quantity")
        return client.set_bucket_threshold(account_id, bucket_id, None, unit=unit, **sending)
    quantity, counted = _quantity(micros, units, unit)
    return client.set_bucket_threshold(account_id, bucket_id, quantity, unit=counted, **sending)


@command(app, "reverse-top-up", example="ocs reverse-top-up alice PAY-1")
def reverse_top_up(
    client: Client,
    account_id: options.AccountId,
    payment_reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="The payment that was credited.")
    ],
    *,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Take what is left, if it is less.")
    ] = False,
    reason: options.ReasonOption = "",
    **sending: Unpack[Sending],
) -> ReverseTopUpResult:
    """Take back what a payment credited, once."""
    return client.reverse_top_up(
        account_id, payment_reference, allow_partial=allow_partial, reason=reason, **sending
    )


@command(
    app,
    "correct-charge",
    example="ocs correct-charge alice/17 --money 0.20 --tariff-version 2026-12",
)
def correct_charge(
    client: Client,
    event: options.EventName,
    *,
    micros: Annotated[
        int,
        typer.Option("--money", metavar="12.50", parser=options.MONEY, help="How much more."),
    ],
    tariff_version: Annotated[
        str, typer.Option("--tariff-version", metavar="ID", help="The version that asks for it.")
    ],
    reason: options.ReasonOption = "",
    **sending: Unpack[Sending],
) -> CorrectChargeResult:
    """Charge more for a commit or debit that came to too little, as far as the money goes."""
    name = parse.event(event, client.tenant)
    return client.correct_charge(
        name, micros, tariff_version=tariff_version, reason=reason, **sending
    )
