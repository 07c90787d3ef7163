"""Command lines of the figures; a row for each command."""

from ocs.v1 import insights_service_pb2 as insights
from ocs.v1 import types_pb2
from tests.cli.case import Case

FROM = "2026-11-23T11:00:00Z"
AS_OF = insights.FigureAsOf(lag_ms=250, time_zone="Europe/Berlin")
AS_OF.as_of_time.FromJsonString("2026-11-23T12:00:00Z")
SEGMENT = insights.FigureKey(dimension=insights.FIGURE_DIMENSION_SEGMENT, value="gold")

REVENUE = insights.GetRevenueResponse(
    as_of=AS_OF,
    rows=[
        insights.RevenueRow(
            keys=[SEGMENT],
            currency="EUR",
            revenue_micros=1_500_000,
            charged_micros=2_000_000,
            refunded_micros=500_000,
            charge_count=3,
            costs=[insights.FigureMoney(currency="USD", micros=700_000)],
            uncollected_micros=40_000,
        )
    ],
)
LIMITS = insights.ListLimitsResponse(
    as_of=AS_OF,
    limits=[
        insights.LimitRow(
            account_id="alice",
            segment="gold",
            holder=types_pb2.CapHolder(subscriber_id="phone"),
            cap_id="daily",
            unit=types_pb2.UNIT_TYPE_MICROS,
            currency="EUR",
            limit=5_000_000,
            spent=4_900_000,
            share_permille=980,
            period=types_pb2.CAP_PERIOD_DAY,
        )
    ],
    next_page_token="50",  # noqa: S106 - a place in a list
)
TIMELINE = insights.ListTimelineResponse(
    as_of=AS_OF,
    events=[
        insights.TimelineEvent(
            event="tenants/main/accounts/alice/events/3",
            account_seq=3,
            kind="DEBIT",
            outcome=types_pb2.OUTCOME_CHARGED,
            service_id="voice",
            unit=types_pb2.UNIT_TYPE_SECONDS,
            used_units=60,
            currency="EUR",
            charged_micros=90_000,
            costs=[insights.FigureMoney(currency="EUR", micros=30_000)],
            buckets=[insights.TimelineBucket(bucket_id="main", balance_after=910_000)],
        )
    ],
)

INSIGHTS_CASES = [
    Case(
        f"report revenue --from {FROM} --to 2026-11-24T00:00:00Z --segment gold --segment silver",
        "GetRevenue",
        REVENUE,
        {
            "range": {
                "start_time": FROM,
                "end_time": "2026-11-24T00:00:00Z",
                "filters": [
                    {"dimension": "FIGURE_DIMENSION_SEGMENT", "values": ["gold", "silver"]}
                ],
            }
        },
    ),
    Case(
        f"report segments --from {FROM}",
        "GetRevenue",
        REVENUE,
        {
            "range": {
                "start_time": FROM,
                "group_by": [f"FIGURE_DIMENSION_{name}" for name in ("SEGMENT", "SERVICE", "ZONE")],
            }
        },
    ),
    Case(f"report leakage --from {FROM}", "GetRevenue", REVENUE, {"range": {"start_time": FROM}}),
    Case(
        f"report usage --from {FROM} --by segment",
        "GetUsage",
        insights.GetUsageResponse(
            as_of=AS_OF,
            rows=[
                insights.UsageRow(keys=[SEGMENT], unit=types_pb2.UNIT_TYPE_OCTETS, used_units=2**40)
            ],
        ),
        {"range": {"start_time": FROM, "group_by": ["FIGURE_DIMENSION_SEGMENT"]}},
    ),
    Case(
        f"report refusals --from {FROM} --step hour",
        "ListRefusals",
        insights.ListRefusalsResponse(
            as_of=AS_OF,
            rows=[insights.RefusalRow(outcome=types_pb2.OUTCOME_SPENDING_CAP_REACHED, count=7)],
        ),
        {"range": {"start_time": FROM, "step": "FIGURE_STEP_HOUR"}},
    ),
    Case(
        "report position",
        "GetPosition",
        insights.GetPositionResponse(
            as_of=AS_OF,
            open_reservation_count=2,
            held=[insights.FigureMoney(currency="EUR", micros=450_000)],
            unused=[
                insights.UnusedRow(
                    segment="gold",
                    currency="EUR",
                    unit=types_pb2.UNIT_TYPE_MICROS,
                    balance=19_360_637,
                    reserved=450_000,
                    bucket_count=1,
                )
            ],
        ),
        {},
    ),
    Case("report limits --share 90", "ListLimits", LIMITS, {"share_permille_min": 900}),
    Case(
        "report limits --account alice",
        "ListLimits",
        LIMITS,
        {"share_permille_min": 800, "account_id": "alice"},
    ),
    Case("report account alice", "ListTimeline", TIMELINE, {"account_id": "alice"}),
    Case(
        "sql values(1)",
        "RunQuery",
        insights.RunQueryResponse(
            as_of=AS_OF,
            columns=[insights.QueryColumn(name="one", type="INTEGER")],
            rows=[insights.QueryRow(cells=[insights.QueryCell(text="1")])],
        ),
        {"sql": "values(1)"},
    ),
]
