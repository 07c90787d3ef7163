"""Metrics as Prometheus and an OTLP collector get them, over real sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families

from ocs.telemetry.export import ExportError, OtlpExport, PrometheusExport
from ocs.telemetry.metric_list import METRICS
from ocs.telemetry.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    counted = Metrics()
    counted.calls_in_flight = 3
    for seconds in (0.0004, 0.003, 60.0):
        counted.durations("S/M", "OK").record(seconds)
    counted.count_outcome("Reserve", "GRANTED", replayed=False)
    counted.count_micros("EUR", 5, 2)
    return counted


def scrape(port: int) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Samples by name and labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def test_prometheus_reads_every_metric(metrics: Metrics) -> None:
    export = PrometheusExport(metrics, "127.0.0.1", 0)
    try:
        found = scrape(export.port)
        metrics.count_outcome("Reserve", "GRANTED", replayed=False)
        later = scrape(export.port)
    finally:
        export.stop()

    call = {("rpc_method", "S/M"), ("rpc_response_status_code", "OK")}
    seconds = found["rpc_server_call_duration_seconds_bucket"]
    assert seconds[frozenset({*call, ("le", "0.0005")})] == 1
    assert seconds[frozenset({*call, ("le", "0.005")})] == 2
    assert seconds[frozenset({*call, ("le", "+Inf")})] == 3
    assert found["rpc_server_call_duration_seconds_count"][frozenset(call)] == 3
    assert found["rpc_server_call_duration_seconds_sum"][frozenset(call)] == pytest.approx(60.0034)
    assert found["ocs_rpc_calls_in_flight"] == {frozenset(): 3}
    money = found["ocs_charging_micros_total"]
    assert money[frozenset({("currency", "EUR"), ("kind", "uncollected")})] == 2
    granted = frozenset({("operation", "Reserve"), ("outcome", "GRANTED"), ("replayed", "false")})
    assert found["ocs_charging_outcomes_total"][granted] == 1
    assert later["ocs_charging_outcomes_total"][granted] == 2


def test_every_metric_has_a_family(metrics: Metrics) -> None:
    export = PrometheusExport(metrics, "127.0.0.1", 0)
    try:
        with urlopen(f"http://127.0.0.1:{export.port}/metrics", timeout=10) as reply:
            named = {
                family.name for family in text_string_to_metric_families(reply.read().decode())
            }
    finally:
        export.stop()

    plain = {metric.name.replace(".", "_") for metric in METRICS}
    histogram = {name for name in plain if name.startswith("rpc_server_call_duration")}
    assert named == plain - histogram | {"rpc_server_call_duration_seconds"}


def test_an_address_that_is_taken_is_said(metrics: Metrics) -> None:
    export = PrometheusExport(metrics, "127.0.0.1", 0)
    try:
        with pytest.raises(ExportError, match=f"cannot listen at 127.0.0.1:{export.port}"):
            PrometheusExport(metrics, "127.0.0.1", export.port)
    finally:
        export.stop()


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportMetricsServiceRequest]]]:
    """An OTLP collector; its URL and what it was sent."""
    sent: list[ExportMetricsServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/metrics", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_collector_gets_the_last_figures(metrics: Metrics) -> None:
    with collector() as (url, sent):
        export = OtlpExport(metrics, url, interval_s=3600)
        export.stop()

    (resource,) = sent[-1].resource_metrics
    assert {a.key: a.value.string_value for a in resource.resource.attributes}[
        "service.name"
    ] == "ocs"
    found = {m.name: m for scope in resource.scope_metrics for m in scope.metrics}
    (granted,) = found["ocs.charging.outcomes"].sum.data_points
    assert granted.as_int == 1
    assert found["ocs.rpc.calls_in_flight"].gauge.data_points[0].as_int == 3
