"""Counts in plain memory, and what the instruments read of them."""

import threading
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from ocs.telemetry.metric_list import METRICS
from ocs.telemetry.metrics import DURATION_BOUNDS_S, InsightsCounts, Metrics


def filled() -> Metrics:
    metrics = Metrics()
    metrics.calls_in_flight = 3
    for seconds in (0.0004, 0.0005, 0.003, 60.0):
        metrics.durations("S/M", "OK").record(seconds)
    metrics.count_outcome("Reserve", "GRANTED", replayed=False)
    metrics.count_outcome("Reserve", "GRANTED", replayed=False)
    metrics.count_micros("EUR", 5, 0)
    metrics.count_micros("EUR", 2, 1)
    metrics.count_micros("USD", 9, 0)
    metrics.count_reload("credentials", used=True)
    metrics.count_reload("certificate", used=False)
    metrics.count_reload("certificate", used=False)
    metrics.count_item("Reserve", "OK")
    metrics.count_item("Reserve", "OK")
    metrics.count_item("Commit", "NOT_FOUND")
    metrics.watch_streams(lambda: 2)
    metrics.watch_store(lambda: (2, 8, 1))
    metrics.watch_lost_lines(lambda: 4)
    metrics.watch_insights(lambda: InsightsCounts(5, 0.25, 1, 2))
    metrics.watch_journal(lambda: (700, 9_000))
    archive = metrics.watch_archive()
    archive.entries, archive.segments, archive.trimmed, archive.failures = 40, 3, 20, 1
    return metrics


def collected(metrics: Metrics) -> dict[str, Any]:
    """Metric by name, as an exporter would get it."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    metrics.observe(provider.get_meter("ocs"))
    data: Any = reader.get_metrics_data()
    provider.shutdown()
    found = data.resource_metrics[0].scope_metrics[0].metrics
    return {metric.name: metric for metric in found}


def test_an_exporter_reads_what_was_counted() -> None:
    exported = {
        name: {
            tuple(sorted(point.attributes.items())): point.value
            for point in metric.data.data_points
        }
        for name, metric in collected(filled()).items()
    }

    assert exported["ocs.rpc.calls_in_flight"] == {(): 3}
    assert exported["ocs.charging.outcomes"] == {
        (("operation", "Reserve"), ("outcome", "GRANTED"), ("replayed", False)): 2
    }
    assert exported["ocs.charging.micros"] == {
        (("currency", "EUR"), ("kind", "charged")): 7,
        (("currency", "EUR"), ("kind", "uncollected")): 1,
        (("currency", "USD"), ("kind", "charged")): 9,
    }
    assert exported["ocs.stream.open"] == {(): 2}
    assert exported["ocs.stream.items"] == {
        (("operation", "Reserve"), ("rpc.response.status_code", "OK")): 2,
        (("operation", "Commit"), ("rpc.response.status_code", "NOT_FOUND")): 1,
    }
    assert exported["ocs.edge.reloads"] == {
        (("file", "credentials"), ("used", True)): 1,
        (("file", "certificate"), ("used", False)): 2,
    }
    assert exported["ocs.store.batches"] == {(): 2}
    assert exported["ocs.store.commands"] == {(): 8}
    assert exported["ocs.store.lost_connections"] == {(): 1}
    assert exported["ocs.log.lost_lines"] == {(): 4}
    assert exported["ocs.insights.events"] == {(): 5}
    assert exported["ocs.insights.lag"] == {(): 0.25}
    assert exported["ocs.journal.bytes"] == {(): 700}
    assert exported["ocs.journal.bytes_max"] == {(): 9_000}
    assert exported["ocs.archive.events"] == {(): 40}
    assert exported["ocs.archive.failures"] == {(): 1}
    assert exported["ocs.archive.active"] == {(): 0}


def test_a_process_tells_nothing_of_what_it_does_not_do() -> None:
    told = {name for name, readings in Metrics().readings().items() if readings}

    assert told == {"ocs.rpc.calls_in_flight", "ocs.stream.open"}
    assert list(Metrics().readings()) == [metric.name for metric in METRICS]


def test_an_archiver_is_the_same_whoever_asks() -> None:
    metrics = Metrics()
    metrics.watch_archive().entries += 2
    metrics.watch_archive().entries += 3

    assert metrics.readings()["ocs.archive.events"] == [(5, {})]


def test_the_buckets_are_those_of_a_histogram() -> None:
    readings = filled().readings()
    by_bound = {
        labels["le"]: count for count, labels in readings["rpc.server.call.duration.bucket"]
    }

    assert list(by_bound) == [*map(str, DURATION_BOUNDS_S), "+Inf"]
    assert by_bound["0.0005"] == 2  # a bound belongs to its bucket
    assert by_bound["0.002"] == 2
    assert by_bound["0.005"] == by_bound["5.0"] == 3
    assert by_bound["+Inf"] == 4
    ((sum_s, labels),) = readings["rpc.server.call.duration.sum"]
    assert sum_s == 60.0039
    assert labels == {"rpc.method": "S/M", "rpc.response.status_code": "OK"}


def test_the_list_of_metrics_is_closed() -> None:
    readings = filled().readings()

    assert list(readings) == [metric.name for metric in METRICS]
    for metric in METRICS:
        assert metric.meaning.endswith(".")
        assert readings[metric.name]
        for _, labels in readings[metric.name]:
            assert tuple(labels) == metric.attributes


def test_kind_unit_and_meaning_are_exported() -> None:
    exported = collected(filled())

    assert set(exported) == {metric.name for metric in METRICS}
    for metric in METRICS:
        assert exported[metric.name].unit == metric.unit
        assert exported[metric.name].description == metric.meaning
        is_sum = type(exported[metric.name].data).__name__ == "Sum"
        assert is_sum == (metric.kind == "counter")


def test_a_reader_does_not_mind_a_writer() -> None:
    metrics, stop = Metrics(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            metrics.count_outcome("Reserve", f"OUTCOME_{number % 5000}", replayed=False)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        totals = [
            sum(count for count, _ in metrics.readings()["ocs.charging.outcomes"])
            for _ in range(300)
        ]
    finally:
        stop.set()
        writer.join()

    assert totals == sorted(totals)
