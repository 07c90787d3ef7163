"""Ask the figures: revenue, usage, refusals."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from ocs.cli import options, parse
from ocs.cli.command import command
from ocs.cli.report_views import Leakage, Report
from ocs.client import Client, UsageError
from ocs.client.insights import Dimension, Step

report_app = typer.Typer(
    help="Figures of a service, as `ocs insights` keeps them.", no_args_is_help=True
)

_STEPS: Final = {step.lower(): step for step in Step}
_DIMENSIONS: Final = {dimension.lower(): dimension for dimension in Dimension}


def _step(text: str) -> Step:
    if text not in _STEPS:
        raise ValueError(f"must be one of {', '.join(_STEPS)}")
    return _STEPS[text]


def _dimensions(text: str) -> tuple[Dimension, ...]:
    names = text.split(",") if text else []
    if not set(names) <= _DIMENSIONS.keys():
        raise UsageError(f"--by must be some of {', '.join(_DIMENSIONS)}, split by commas")
    return tuple(_DIMENSIONS[name] for name in names)


Last = Annotated[
    timedelta | None,
    typer.Option(
        "--last", metavar="5m", parser=parse.argument(parse.long_span), help="From then to now."
    ),
]
From = Annotated[
    datetime | None,
    typer.Option("--from", metavar="TIME", parser=options.INSTANT, help="From, inclusive."),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", metavar="TIME", parser=options.INSTANT, help="To, exclusive."),
]
StepOption = Annotated[
    Step | None,
    typer.Option(
        "--step", metavar="|".join(_STEPS), parser=parse.argument(_step), help="A row for each."
    ),
]
By = Annotated[
    str,
    typer.Option("--by", metavar="segment,service", help=f"Told apart: {', '.join(_DIMENSIONS)}."),
]
Segments = Annotated[list[str] | None, typer.Option("--segment", metavar="ID", help="Only it.")]
Plans = Annotated[list[str] | None, typer.Option("--plan", metavar="ID", help="Only it.")]
Services = Annotated[list[str] | None, typer.Option("--service", metavar="ID", help="Only it.")]
Zones = Annotated[list[str] | None, typer.Option("--zone", metavar="ID", help="Only it.")]
Partners = Annotated[list[str] | None, typer.Option("--partner", metavar="ID", help="Only it.")]


def _start(
    last: timedelta | None, from_time: datetime | None, to_time: datetime | None
) -> datetime:
    """Where the range begins. Raises UsageError."""
    if (last is None) == (from_time is None):
        raise UsageError("give --last or --from, one of them")
    if from_time is not None:
        return from_time
    if to_time is not None:
        raise UsageError("--last goes until now: give --from with --to")
    assert last is not None
    return datetime.now(UTC) - last


def _register(
    name: str,
    ask: Callable[..., Any],
    text: str,
    *,
    example: str,
    by: str = "",
    view: Callable[[Any], Report] = lambda result: result,
) -> None:
    """Make a command of a question about a range. by: what is told apart if nothing is said."""

    def run(
        client: Client,
        *,
        last: Last = None,
        from_time: From = None,
        to_time: To = None,
        step: StepOption = None,
        group_by: By = by,
        segment: Segments = None,
        plan: Plans = None,
        service: Services = None,
        zone: Zones = None,
        partner: Partners = None,
    ) -> object:
        given = {
            Dimension.SEGMENT: segment,
            Dimension.PLAN: plan,
            Dimension.SERVICE: service,
            Dimension.ZONE: zone,
            Dimension.PARTNER: partner,
        }
        result = ask(
            client,
            _start(last, from_time, to_time),
            to_time,
            step=step,
            group_by=_dimensions(group_by),
            filters={dimension: values for dimension, values in given.items() if values},
        )
        return view(result)

    run.__doc__ = text
    told = f"ocs report {name} {example}"
    command(report_app, name, example=told, of_insights=True, tabled=True)(run)


_register(
    "revenue",
    Client.get_revenue,
    """Revenue, cost and margin, by step and dimension.

    Revenue is what charges and bundles collected, without what was refunded; cost what carriers are
    owed by the tariff. Where a cost is not known there is no margin.
    """,
    example="--segment gold --last 5m",
)
_register(
    "segments",
    Client.get_revenue,
    """Which segments bring and use most: revenue by segment, service and zone.""",
    example="--last 1h",
    by="segment,service,zone",
)
_register(
    "usage",
    Client.get_usage,
    """Units used, whoever paid for them, by unit.""",
    example="--by segment,service --last 1h",
)
_register(
    "refusals",
    Client.list_refusals,
    """What was refused, by outcome.""",
    example="--by service --last 1h",
)
_register(
    "leakage",
    Client.get_revenue,
    """What was used and rated, and nobody paid.""",
    example="--by segment,service --last 24h",
    view=Leakage.of,
)
