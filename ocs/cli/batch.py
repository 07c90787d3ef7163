"""Several charges at once, over a charge stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Final

import typer

from ocs.cli import exits
from ocs.cli.command import command
from ocs.cli.output import Block, Listing
from ocs.cli.reading_views import blocks_of
from ocs.client import Client, CommitResult, GrantResult, OcsError, UnknownOutcomeError, UsageError
from ocs.client.batch import ITEMS_MAX
from ocs.client.operation import Operation
from ocs.client.operations.batch import from_json

app = typer.Typer()

_EXAMPLE: Final = (
    'ocs batch \'{"debit":{"account_id":"alice","service_id":"sms","used_units":"1",'
    '"basis":"DEBIT_BASIS_USED"}}\''
)


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """Why an item has no answer. outcome_unknown: it may have been applied all the same."""

    code: str
    reason: str
    text: str
    outcome_unknown: bool


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What one item led to: an answer or a failure."""

    request_id: str
    operation: str
    answer: Any
    failure: ItemFailure | None


@dataclass(frozen=True, slots=True)
class BatchResults:
    """What all items led to, in order. _exit_code: of the worst of them."""

    items: Sequence[ItemResult]
    _exit_code: int

    @property
    def exit_code(self) -> int:
        """0 if no item failed."""
        return self._exit_code


@command(app, "batch", example=_EXAMPLE)
def batch(
    client: Client,
    items: Annotated[
        list[str],
        typer.Argument(
            metavar="ITEM...",
            help='JSON of the contract: {"reserve": {...}}, or commit, release, debit; with its'
            " request_id and request_time if it may have been sent before.",
        ),
    ],
) -> BatchResults:
    """Send charges in batches over one stream. Those of one account are applied in order.

    Exits as the command of the worst failure would; a refusal by a business decision is an answer.
    """
    operations = [_operation(place, text) for place, text in enumerate(items)]
    found: list[Any] = []
    with client.charge_stream() as stream:
        rest = iter(operations)
        while part := list(islice(rest, ITEMS_MAX)):
            found += stream.send(part)
    results = [_result(*pair) for pair in zip(operations, found, strict=True)]
    codes = [exits.code_of(each) for each in found if isinstance(each, OcsError)]
    return BatchResults(results, max(codes, default=exits.DONE))


def _operation(place: int, text: str) -> Operation[Any]:
    try:
        return from_json(text)
    except UsageError as error:
        raise UsageError(f"item {place + 1} {error}") from None


def _result(operation: Operation[Any], found: object) -> ItemResult:
    if not isinstance(found, OcsError):
        return ItemResult(operation.request_id, operation.method, found, None)
    unknown = isinstance(found, UnknownOutcomeError)
    failure = ItemFailure(found.code, found.reason, str(found), unknown)
    return ItemResult(operation.request_id, operation.method, None, failure)


def _decision(item: ItemResult) -> str:
    if item.failure is not None:
        return item.failure.text
    match item.answer:
        case GrantResult() as grant:
            return f"{grant.outcome.value} {grant.granted_units or ''}".rstrip()
        case CommitResult(charge=charge, grant=grant):
            more = f", {grant.outcome.value} {grant.granted_units or ''}".rstrip() if grant else ""
            return f"CHARGED {charge.charged_units}{more}"
        case answer:
            return str(answer.outcome.value)


@blocks_of.register
def _(result: BatchResults) -> list[Block]:
    rows = [(item.request_id, item.operation, _decision(item)) for item in result.items]
    return [Listing(("request", "operation", "what became of it"), rows)]
