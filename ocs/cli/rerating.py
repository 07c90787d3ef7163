"""Rerates a tenant's accounts through the API: reads journals, replays them, posts corrections.

What was posted is found in the journal again, so a run that was cut short is simply run again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import typer

from ocs.book.document import read_tariff
from ocs.book.file import UnreadableError, tariff_of_file
from ocs.cli import exits
from ocs.cli.journal import EPOCH, MS, context_of, event_of
from ocs.cli.output import print_problems
from ocs.cli.rerate_results import (
    AccountFigures,
    Figures,
    Posted,
    RerateResult,
    ServiceFigures,
)
from ocs.client import (
    AlreadyExistsError,
    Client,
    FailedPreconditionError,
    NotFoundError,
    UsageError,
)
from ocs.domain.rerating import Correction, RatedCharge, Replay, Report, Sums, Wanted
from ocs.domain.state import AccountTerms
from ocs.domain.tariff import Tariff
from ocs.ports import BookError

_PAGE: Final = 500

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be rerated. account_id: empty = all of the tenant."""

    tariff: Tariff
    from_time: datetime
    to_time: datetime
    account_id: str
    plan: str
    service_id: str
    apply: bool


def tariff_of(client: Client, name: str) -> Tariff:
    """Read the version to price by: a file, or one that the service has.

    A text that is no tariff ends the command.
    """
    file = Path(name)
    try:
        if file.is_file():
            return tariff_of_file(file)
        return read_tariff(client.get_tariff(name).text)
    except UnreadableError as error:
        raise UsageError(str(error)) from None
    except BookError as error:
        faults = [f"{file}:{one}" for one in error.faults]
        print_problems("error", faults, "correct it; see `ocs tariff check`")
        raise typer.Exit(exits.REQUEST) from None


def rerate(client: Client, asked: Asked, on_progress: OnProgress) -> RerateResult:
    """Rerate account by account, in the order in which the service lists them."""
    account_ids = [asked.account_id] if asked.account_id else list(_account_ids(client))
    report, posted = Report(), Posted() if asked.apply else None
    for number, account_id in enumerate(account_ids):
        on_progress(number, len(account_ids))
        charges = _charges_of(client, asked, account_id)
        report.add(account_id, charges)
        if posted is not None:
            _post(client, asked.tariff.version, account_id, charges, posted)
    on_progress(len(account_ids), len(account_ids))
    return RerateResult(
        asked.tariff.version,
        asked.tariff.currency,
        asked.from_time,
        asked.to_time,
        tuple(AccountFigures(one, _figures(sums)) for one, sums in report.by_account.items()),
        tuple(
            ServiceFigures(*named, _figures(sums))
            for named, sums in sorted(report.by_service.items())
        ),
        _figures(report.total),
        posted,
    )


def _account_ids(client: Client) -> Iterator[str]:
    token = ""
    while True:
        page = client.list_accounts_page(page_size=_PAGE, page_token=token)
        yield from (account.account_id for account in page.accounts)
        token = page.next_page_token
        if not token:
            return


def _charges_of(client: Client, asked: Asked, account_id: str) -> list[RatedCharge]:
    """Replay an account's journal from its first event: what priced a session may be long ago."""
    account = client.get_account(account_id).account
    terms = AccountTerms(
        account.currency,
        account.time_zone,
        account.billing_anchor_day,
        account.plan,
        account.segment,
        account.credit_limit_micros,
    )
    wanted = Wanted(
        (asked.from_time - EPOCH) // MS,
        (asked.to_time - EPOCH) // MS,
        asked.plan,
        asked.service_id,
    )
    replay = Replay(asked.tariff, terms, wanted)
    token = ""
    while True:
        page = client.list_charging_events_page(
            account_id, page_size=_PAGE, page_token=token, oldest_first=True
        )
        for event in page.events:
            replay.apply(event_of(event, client.tenant, account_id), context_of(event.context))
        token = page.next_page_token
        if not token:
            return replay.charges()


def _post(
    client: Client, version: str, account_id: str, charges: Sequence[RatedCharge], posted: Posted
) -> None:
    for charge in charges:
        for correction in charge.corrections(version):
            try:
                _post_one(client, version, account_id, correction, posted)
            except AlreadyExistsError:
                # The same correction, by a run beside this one, or by one whose answer was lost.
                posted.made_meanwhile += 1
            except (FailedPreconditionError, NotFoundError) as error:
                posted.refused[error.reason] += 1


def _post_one(
    client: Client, version: str, account_id: str, correction: Correction, posted: Posted
) -> None:
    event = f"tenants/{client.tenant}/accounts/{account_id}/events/{correction.seq}"
    reason = f"rerated by {version}"
    if correction.shares:
        given = client.refund(
            event,
            shares=dict(correction.shares),
            reason=reason,
            request_id=correction.request_id,
        )
        posted.refunds += 1
        posted.refunded_micros += given.refunded_micros
        return
    taken = client.correct_charge(
        event,
        correction.micros,
        tariff_version=version,
        reason=reason,
        request_id=correction.request_id,
    )
    posted.debits += 1
    posted.debited_micros += taken.charge.charged_micros
    posted.uncollected_micros += taken.charge.uncollected_micros


def _figures(sums: Sums) -> Figures:
    return Figures(
        sums.events,
        sums.differing,
        {reason.value: count for reason, count in sorted(sums.not_ratable.items())},
        sums.old,
        sums.new,
        sums.difference,
        sums.to_debit,
        sums.to_refund,
        sums.corrected,
    )
