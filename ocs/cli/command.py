"""What all commands that call the service have in common: options, connection, output, exit code.

A command is a function of the client and its own arguments that returns an answer. The decorator
here adds the common options to the signature that typer reads, so they are written once.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final, Protocol, get_type_hints, runtime_checkable

import typer

from ocs.cli import access, exits, options
from ocs.cli.output import print_blocks, print_json, print_problem
from ocs.cli.report_csv import print_csv, table_of
from ocs.cli.report_state_views import blocks_of
from ocs.client import (
    Client,
    CommitResult,
    DebitResult,
    GrantResult,
    HealthResult,
    OcsError,
    Outcome,
    UnknownOutcomeError,
    UsageError,
)
from ocs.client.connection import TENANT_DEFAULT, TIMEOUT_DEFAULT_S, resolve_target
from ocs.client.insights import INSIGHTS_TARGET_DEFAULT


def _option(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


_IDENTIFYING: Final = (
    _option("request_id", options.RequestId, None),
    _option("request_time", options.RequestTime, None),
)
_TARGET: Final = _option("target", options.Target, None)
_INSIGHTS_TARGET: Final = _option("target", options.InsightsTarget, INSIGHTS_TARGET_DEFAULT)
_COMMON: Final = (
    _option("tls_ca", options.TlsCa, None),
    _option("tls_certificate", options.TlsCertificate, None),
    _option("tls_key", options.TlsKey, None),
    _option("token_file", options.TokenFile, None),
    _option("tenant", options.Tenant, TENANT_DEFAULT),
)
_AS_JSON: Final = _option("as_json", options.Json, default=False)
_AS_CSV: Final = _option("as_csv", options.Csv, default=False)

Command = Callable[..., object]


@runtime_checkable
class Worst(Protocol):
    """An answer of several parts, which says itself how bad the worst of them is."""

    @property
    def exit_code(self) -> int:
        """0 if none is bad."""
        ...


def command(
    app: typer.Typer,
    name: str,
    *,
    example: str,
    of_insights: bool = False,
    timeout_s: float = TIMEOUT_DEFAULT_S,
    tabled: bool = False,
) -> Callable[[Command], Command]:
    """Register a function of (client, arguments) as a command.

    One that takes **sending is a mutation: it gets --request-id and --request-time too.
    of_insights: it asks `ocs insights`, at its own address. timeout_s: the default of --timeout.
    tabled: its answer is a table for report_csv, too.
    """
    target_option = _INSIGHTS_TARGET if of_insights else _TARGET

    def register(function: Command) -> Command:
        def run(
            *, target: str | None, tenant: str, timeout_s: float, as_json: bool, **given: Any
        ) -> None:
            files = {name: given.pop(name) for name in access.FILES}
            as_csv = given.pop("as_csv", False)
            _check_one_form(as_csv=as_csv, as_json=as_json)
            try:
                known = access.read(**files)
                with Client(target, tenant=tenant, timeout_s=timeout_s, **known) as client:
                    result = function(client, **given)
            except UsageError as error:
                print_problem("error", str(error), "see `--help` of the command")
                raise typer.Exit(exits.USAGE) from error
            except OcsError as error:
                print_problem(
                    "error", _described(error, resolve_target(target)), exits.next_step(error)
                )
                raise typer.Exit(exits.code_of(error)) from error
            _show(result, as_json=as_json, as_csv=as_csv, by=given.get("group_by") or "")
            _exit_if_refused(result)

        hints = get_type_hints(function, include_extras=True)
        _, *taken = inspect.signature(function).parameters.values()  # the client is not typed in
        own = [
            one.replace(annotation=hints[one.name])
            for one in taken
            if one.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        identifying = _IDENTIFYING if len(own) < len(taken) else ()
        timeout = _option("timeout_s", options.Timeout, timeout_s)
        shown = (_AS_JSON, _AS_CSV) if tabled else (_AS_JSON,)
        added = [*identifying, target_option, *_COMMON, timeout, *shown]
        run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
        run.__doc__ = function.__doc__
        app.command(name, epilog=f"Example: {example}")(run)
        return function

    return register


def _described(error: OcsError, target: str) -> str:
    if (
        error.code == "UNAVAILABLE"
        and not error.reason
        and not isinstance(error, UnknownOutcomeError)
    ):
        return f"no service answers at {target}"
    return str(error)


def _check_one_form(*, as_csv: bool, as_json: bool) -> None:
    if as_csv and as_json:
        print_problem("error", "two forms are named", "give --json or --csv, not both")
        raise typer.Exit(exits.USAGE)


def _show(result: object, *, as_json: bool, as_csv: bool, by: str) -> None:
    if as_json:
        print_json(result)
    elif as_csv:
        print_csv(table_of(result, by.split(",") if by else ()))
    else:
        print_blocks(blocks_of(result))


def _refusal(result: object) -> Outcome | None:
    """The outcome of a refusal; a commit is refused if the next grant it asked for was."""
    match result:
        case GrantResult(granted=False) | DebitResult(charged=False):
            return result.outcome
        case CommitResult(grant=GrantResult(granted=False) as grant):
            return grant.outcome
        case _:
            return None


def _exit_if_refused(result: object) -> None:
    outcome = _refusal(result)
    if outcome is not None:
        print_problem("refused", outcome.value, exits.next_step_after(outcome))
        raise typer.Exit(exits.REFUSED)
    if isinstance(result, Worst) and result.exit_code:
        raise typer.Exit(result.exit_code)
    if isinstance(result, HealthResult) and not result.serving:
        raise typer.Exit(exits.UNAVAILABLE)
