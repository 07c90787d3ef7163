"""The closed list of what is exported; docs/metrics.md is made of it.

A process tells of what it measures: `ocs.archive.*` and `ocs.journal.*` those that charge,
`ocs.insights.*` the one of the figures.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One exported series. attributes: the closed set of its labels; never an id of a caller."""

    name: str
    kind: Literal["counter", "gauge"]
    unit: str
    attributes: tuple[str, ...]
    meaning: str


_CALL = ("rpc.method", "rpc.response.status_code")

METRICS: Final = (
    Metric(
        "rpc.server.call.duration.bucket",
        "counter",
        "{call}",
        (*_CALL, "le"),
        "Calls answered within `le` seconds (cumulative, `+Inf` counts all): the buckets of the"
        " histogram `rpc.server.call.duration`, kept as counters.",
    ),
    Metric(
        "rpc.server.call.duration.sum",
        "counter",
        "s",
        _CALL,
        "Time spent in the calls that the buckets count.",
    ),
    Metric(
        "ocs.rpc.calls_in_flight",
        "gauge",
        "{call}",
        (),
        "Calls being worked on now.",
    ),
    Metric(
        "ocs.stream.open",
        "gauge",
        "{stream}",
        (),
        "Charge streams that are open now.",
    ),
    Metric(
        "ocs.stream.items",
        "counter",
        "{item}",
        ("operation", "rpc.response.status_code"),
        "Operations answered on charge streams. `rpc.server.call.duration` of ChargeStream counts"
        " their batches.",
    ),
    Metric(
        "ocs.edge.reloads",
        "counter",
        "{change}",
        ("file", "used"),
        "Changes of the `credentials` or the `certificate` while serving; what could not be `used`"
        " left the old one in force.",
    ),
    Metric(
        "ocs.charging.outcomes",
        "counter",
        "{decision}",
        ("operation", "outcome", "replayed"),
        "Decisions by outcome. A replayed one was decided, and counted, before.",
    ),
    Metric(
        "ocs.charging.micros",
        "counter",
        "{micro-unit}",
        ("currency", "kind"),
        "Money of new decisions, kind `charged` (collected) or `uncollected` (leakage).",
    ),
    Metric(
        "ocs.store.batches",
        "counter",
        "{batch}",
        (),
        "Round trips to the store.",
    ),
    Metric(
        "ocs.store.commands",
        "counter",
        "{command}",
        (),
        "Commands in those round trips; divided by the batches it is the mean batch.",
    ),
    Metric(
        "ocs.store.lost_connections",
        "counter",
        "{connection}",
        (),
        "Connections that broke with commands under way, whose outcome was unknown then.",
    ),
    Metric(
        "ocs.insights.events",
        "counter",
        "{event}",
        (),
        "Events of the journal in the figures; of `ocs insights` alone, as the next three.",
    ),
    Metric(
        "ocs.insights.lag",
        "gauge",
        "s",
        (),
        "How far the figures are behind the store's clock.",
    ),
    Metric(
        "ocs.insights.unreadable_entries",
        "counter",
        "{entry}",
        (),
        "Entries of the journal that are no events of a known version, and are in no figure.",
    ),
    Metric(
        "ocs.insights.rewritten_events",
        "counter",
        "{event}",
        (),
        "Events that the journal replaced, or lost, after they were in the figures"
        " (`journal_rewritten`).",
    ),
    Metric(
        "ocs.archive.events",
        "counter",
        "{event}",
        (),
        "Journal events that this process brought into the archive.",
    ),
    Metric(
        "ocs.archive.segments",
        "counter",
        "{segment}",
        (),
        "Segments that this process wrote into the archive.",
    ),
    Metric(
        "ocs.archive.trimmed",
        "counter",
        "{event}",
        (),
        "Archived events that this process let the store let go of.",
    ),
    Metric(
        "ocs.archive.failures",
        "counter",
        "{failure}",
        (),
        "Times that archiving, trimming or merging failed; the log says how.",
    ),
    Metric(
        "ocs.archive.lag",
        "gauge",
        "s",
        (),
        "Age of what is archived last, 10 s to 70 s by design; 0 where another process archives.",
    ),
    Metric(
        "ocs.archive.active",
        "gauge",
        "{process}",
        (),
        "1 in the process that archives the journal of its store, 0 in others.",
    ),
    Metric(
        "ocs.journal.bytes",
        "gauge",
        "By",
        (),
        "Memory of the store that the journal takes.",
    ),
    Metric(
        "ocs.journal.bytes_max",
        "gauge",
        "By",
        (),
        "Memory that it may take before grants stop; 0 = no bound.",
    ),
    Metric(
        "ocs.log.lost_lines",
        "counter",
        "{line}",
        (),
        "Log lines that could not be written.",
    ),
)
