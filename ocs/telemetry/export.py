"""Where the counts go: Prometheus text over HTTP, OTLP over HTTP, or nowhere.

Both read `Metrics` from threads of their own; the event loop notices nothing. Names in Prometheus
are those of `METRICS` with `_` for `.`, counters end in `_total`; the buckets become a histogram.
"""

import re
from collections.abc import Iterator
from threading import Thread
from typing import Final
from wsgiref.simple_server import WSGIServer

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ocs.telemetry.metric_list import METRICS
from ocs.telemetry.metrics import Metrics

_BUCKETS: Final = "rpc.server.call.duration.bucket"
_SUM: Final = "rpc.server.call.duration.sum"
_HISTOGRAM: Final = "rpc_server_call_duration_seconds"
_RESOURCE: Final = Resource.create({"service.name": "ocs"})


class ExportError(Exception):
    """The metrics' address cannot be listened at."""


class PrometheusExport:
    """Answers GET /metrics at an address until it is stopped. Raises ExportError."""

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        registry = CollectorRegistry()
        registry.register(_Readings(metrics))
        try:
            started: tuple[WSGIServer, Thread] = start_http_server(port, host, registry)
        except OSError as error:
            raise ExportError(
                f"metrics: cannot listen at {host}:{port}: {error.strerror}"
            ) from None
        self._server, self._thread = started
        self.port = self._server.server_port

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class OtlpExport:
    """Sends all counts to a collector every interval_s seconds, and once more when stopped.

    url: of the collector's metrics endpoint, e.g. http://collector:4318/v1/metrics. A collector
    that is away costs the figures of that interval nothing: counters are cumulative.
    """

    def __init__(self, metrics: Metrics, url: str, interval_s: float) -> None:
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=url), export_interval_millis=interval_s * 1000
        )
        self._provider = MeterProvider([reader], resource=_RESOURCE, shutdown_on_exit=False)
        metrics.observe(self._provider.get_meter("ocs"))

    def stop(self) -> None:
        """Send the last figures; waits for the collector, 5 s at most."""
        self._provider.shutdown(timeout_millis=5_000)


def open_exports(
    metrics: Metrics, address: tuple[str, int] | None, otlp_url: str | None, interval_s: float
) -> list[PrometheusExport | OtlpExport]:
    """Begin to show the counts at an address and to send them to a collector, where given.

    Raises ExportError.
    """
    exports: list[PrometheusExport | OtlpExport] = []
    if address is not None:
        exports.append(PrometheusExport(metrics, *address))
    if otlp_url is not None:
        exports.append(OtlpExport(metrics, otlp_url, interval_s))
    return exports


class _Readings(Collector):
    """The counts as families of Prometheus, made at each scrape."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        readings = self._metrics.readings()
        yield _durations(readings)
        for metric in METRICS:
            if metric.name in {_BUCKETS, _SUM}:
                continue
            made = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            labels = [_plain(name) for name in metric.attributes]
            family = made(_plain(metric.name), metric.meaning, labels=labels)
            for value, attributes in readings[metric.name]:
                family.add_metric([_text(attributes[name]) for name in metric.attributes], value)
            yield family


def _durations(readings: dict[str, list[tuple[int | float, dict[str, str | bool]]]]) -> Metric:
    call = ("rpc.method", "rpc.response.status_code")
    family = HistogramMetricFamily(
        _HISTOGRAM, "Time from the call's arrival to its answer.", labels=list(map(_plain, call))
    )
    buckets: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for count, attributes in readings[_BUCKETS]:
        key = tuple(_text(attributes[name]) for name in call)
        buckets.setdefault(key, []).append((_text(attributes["le"]), count))
    for total_s, attributes in readings[_SUM]:
        key = tuple(_text(attributes[name]) for name in call)
        # A method may have answered its first call between the two readings.
        if key in buckets:
            family.add_metric(key, buckets[key], total_s)
    return family


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
