"""compose.yaml and the manifests say what the service, its image and each other say."""

import json
import re
from pathlib import Path

import pytest

from ocs.rpc.health import LIVENESS, READINESS
from ocs.settings import CONFIG_VARIABLE, PREFIX, Settings
from ocs.telemetry.export import _Readings
from ocs.telemetry.metric_list import METRICS
from ocs.telemetry.metrics import Metrics
from tests.deploy.files import (
    COMPOSE,
    DEPLOY,
    DOCKERFILE,
    ROOT,
    compose,
    documents,
    environments,
    manifest,
    pod,
    port,
)

ENVIRONMENTS = dict(environments())
FILES = [COMPOSE, *sorted(DEPLOY.rglob("*.yaml"))]
# Of Prometheus itself.
OF_ITS_OWN = {"up"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_parses(path: Path) -> None:
    assert all(isinstance(document, dict) for document in documents(path))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_variable_is_a_setting_and_every_value_is_taken(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ENVIRONMENTS[name]
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    assert set(given) - known <= {CONFIG_VARIABLE}
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)

    settings = Settings()

    assert settings.probes == ("0.0.0.0", 7708)  # noqa: S104 - of a container
    assert settings.port == 7707


def test_all_ports_are_the_same() -> None:
    assert re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE) == ["7707 7708"]
    for given in ENVIRONMENTS.values():
        assert port(given["OCS_LISTEN"]) == 7707
        assert port(given["OCS_PROBE_LISTEN"]) == 7708
        assert port(given.get("OCS_METRICS_LISTEN", ":9464")) == 9464
    assert compose()["services"]["ocs"]["ports"] == ["127.0.0.1:7707:7707"]
    (container,) = pod()["containers"]
    listed = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert listed == {"grpc": 7707, "probe": 7708, "metrics": 9464}
    for offered in manifest("Service", "ocs-grpc")["spec"]["ports"]:
        assert listed[offered["targetPort"]] == offered["port"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["grpc"]["port"] == listed["probe"]
    (prometheus,) = documents(DEPLOY / "prometheus" / "prometheus.yaml")
    (scrape,) = prometheus["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["ocs:9464", "figures:9464"]}]
    annotations = manifest("Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == "9464"


def test_probes_ask_for_what_health_knows() -> None:
    (container,) = pod()["containers"]

    assert container["livenessProbe"]["grpc"]["service"] == LIVENESS
    assert container["startupProbe"]["grpc"]["service"] == LIVENESS
    assert container["readinessProbe"]["grpc"]["service"] in READINESS


def test_images_are_pinned_by_tag() -> None:
    images = [one["image"] for one in compose()["services"].values()]
    images += [one["image"] for one in pod()["containers"]]
    images += [line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM")]

    for image in images:
        tag = image.rpartition(":")[2]  # never `latest`, which is another image tomorrow
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?[a-z0-9.-]*", tag), image
    (version,) = re.findall(
        r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert images[0] == pod()["containers"][0]["image"] == f"ocs:{version}"


def test_the_process_is_nobody_and_can_write_nothing() -> None:
    (numbers,) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    security = pod()["securityContext"]
    (container,) = pod()["containers"]

    assert (str(security["runAsUser"]), str(security["runAsGroup"])) == numbers
    assert security["runAsNonRoot"] is True
    assert int(numbers[0]) > 0
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    service = compose()["services"]["ocs"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_a_stop_is_given_the_time_that_a_drain_takes() -> None:
    (container,) = pod()["containers"]
    probe = container["readinessProbe"]
    given = ENVIRONMENTS["kubernetes"]
    drain_s = float(given["OCS_DRAIN_PROBE_S"]) + float(given["OCS_DRAIN_GRACE_S"])

    assert pod()["terminationGracePeriodSeconds"] > drain_s + 5
    noticed_s = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert float(given["OCS_DRAIN_PROBE_S"]) > noticed_s

    given = ENVIRONMENTS["compose"]
    drain_s = float(given["OCS_DRAIN_PROBE_S"]) + float(given["OCS_DRAIN_GRACE_S"])
    assert compose()["services"]["ocs"]["stop_grace_period"] == "20s"
    assert drain_s + 5 < 20


def test_labels_and_selectors_agree_and_one_pod_always_serves() -> None:
    deployment = manifest("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    budget = manifest("PodDisruptionBudget")["spec"]

    assert deployment["selector"]["matchLabels"] == labels
    assert manifest("Service", "ocs-grpc")["spec"]["selector"] == labels
    assert budget["selector"]["matchLabels"] == labels
    assert 0 < budget["minAvailable"] < deployment["replicas"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_what_is_mounted_is_what_is_named() -> None:
    """Each path in a variable lies in a mounted secret that has it."""
    (container,) = pod()["containers"]
    examples = documents(DEPLOY / "kubernetes" / "secret.example.yaml")
    keys = {one["metadata"]["name"]: set(one["stringData"]) for one in examples}
    volumes = {
        one["name"]: one["secret"]["secretName"] for one in pod()["volumes"] if "secret" in one
    }
    mounts = {one["mountPath"]: volumes.get(one["name"]) for one in container["volumeMounts"]}
    assert ENVIRONMENTS["kubernetes"]["OCS_ARCHIVE_DIR"] in mounts
    for variable, value in ENVIRONMENTS["kubernetes"].items():
        if value.startswith("/") and variable != "OCS_ARCHIVE_DIR":
            path = Path(value)
            assert path.name in keys[str(mounts[str(path.parent)])], variable

    document = compose()
    service = document["services"]["ocs"]
    named = {Path(v).name for v in service["environment"].values() if v.startswith("/run/secrets/")}
    assert named == set(service["secrets"])
    mounted = [volume.split(":")[1] for volume in service["volumes"]]
    assert mounted == [service["environment"]["OCS_ARCHIVE_DIR"]]
    for one in document["services"].values():
        assert set(one.get("secrets", ())) <= set(document["secrets"])
        sources = {each["source"] for each in one.get("configs", ())}
        assert sources <= set(document["configs"])
        assert set(one.get("networks", ())) <= set(document["networks"])
    for config in document["configs"].values():
        assert (ROOT / config["file"]).is_file()


def test_no_secret_is_in_the_tree() -> None:
    text = "".join(path.read_text("utf-8") for path in DEPLOY.rglob("*") if path.is_file())

    assert "PRIVATE KEY-----" not in text
    assert not re.search(r"ocs_[A-Za-z0-9_-]{40}", text)


def expressions() -> list[str]:
    (alerts,) = documents(DEPLOY / "prometheus" / "alerts.yaml")
    found = [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))
    return found + [each["expr"] for panel in dashboard["panels"] for each in panel["targets"]]


def series() -> dict[str, set[str]]:
    """What a scrape may show: each series' name with its labels."""
    found: dict[str, set[str]] = {}
    for family in _Readings(Metrics()).collect():
        suffixes = {
            "counter": ["_total"],
            "gauge": [""],
            "histogram": ["_bucket", "_count", "_sum"],
        }
        labels = set(getattr(family, "_labelnames", ()))
        for suffix in suffixes[family.type]:
            found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


@pytest.mark.parametrize("expression", expressions())
def test_every_expression_asks_for_series_and_labels_that_there_are(expression: str) -> None:
    known = series()
    asked: dict[str, str] = dict(
        re.findall(r"\b((?:ocs|rpc)_[a-z_]+|up)\b(?:\{([^}]*)\})?", strip_labels(expression))
    )
    names = set(asked)

    assert names
    assert names <= set(known) | OF_ITS_OWN
    labels = set(re.findall(r"([a-z_]+)(?:=~|!=|!~|=)\"", expression))
    labels |= {one for group in re.findall(r"by \(([^)]*)\)", expression) for one in words(group)}
    allowed = set().union(*(known.get(name, set()) for name in names)) | {"instance", "job"}
    assert labels <= allowed


def test_every_alert_is_explained() -> None:
    (alerts,) = documents(DEPLOY / "prometheus" / "alerts.yaml")
    names = [rule["alert"] for group in alerts["groups"] for rule in group["rules"]]
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")

    assert names
    assert names == re.findall(r"^\| (Ocs[A-Za-z]+) \|", page, re.MULTILINE)


# Why a metric of the archive, the journal or the figures is in no panel. None yet.
NOT_SHOWN: dict[str, str] = {}


def shown() -> set[str]:
    dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))
    text = " ".join(one["expr"] for panel in dashboard["panels"] for one in panel["targets"])
    return set(re.findall(r"\bocs_[a-z_]+", text))


def test_every_metric_of_archive_journal_and_figures_is_in_a_panel_or_said_why_not() -> None:
    wanted = {
        metric.name
        for metric in METRICS
        if metric.name.startswith(("ocs.archive.", "ocs.journal.", "ocs.insights."))
    }
    assert len(wanted) >= 12
    found = {
        name
        for name in wanted
        if {name.replace(".", "_"), name.replace(".", "_") + "_total"} & shown()
    }

    assert wanted - found == set(NOT_SHOWN)


def test_panels_lie_beside_each_other_under_names_of_their_own() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))
    panels = dashboard["panels"]
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels]

    assert len(set(places)) == len(panels)
    assert (
        len({one["id"] for one in panels}) == len({one["title"] for one in panels}) == len(panels)
    )


def strip_labels(expression: str) -> str:
    return re.sub(r"by \([^)]*\)|\{[^}]*\}", "", expression)


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]
