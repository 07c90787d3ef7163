"""The figures in compose.yaml and the manifests: they read what the service writes, no more."""

import re
from pathlib import Path
from typing import Any

import pytest

from ocs.settings import CONFIG_VARIABLE, PREFIX, Settings
from tests.deploy.files import DOCKERFILE, compose, environments, manifest, pod, port

SERVICE = dict(environments())


def workload() -> Any:
    """What runs in Kubernetes."""
    return manifest("StatefulSet", "ocs-figures")["spec"]


def container() -> Any:
    """The one of it."""
    (found,) = workload()["template"]["spec"]["containers"]
    return found


ENVIRONMENTS = {
    "compose": dict(compose()["services"]["figures"]["environment"]),
    "kubernetes": {one["name"]: one["value"] for one in container()["env"]},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_its_settings_are_those_of_the_service_where_both_have_them(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ENVIRONMENTS[name]
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    assert set(given) - known <= {CONFIG_VARIABLE}
    for variable, value in (SERVICE["image"] | given).items():
        monkeypatch.setenv(variable, value)

    settings = Settings()

    addresses = (settings.insights_address, settings.dashboard_address, settings.probes)
    assert [one[1] for one in addresses if one] == [7710, 7709, 7708]
    shared = {
        variable
        for variable in given.keys() & SERVICE[name].keys()
        if not variable.startswith("OCS_DRAIN")
    }
    assert {one: given[one] for one in shared} == {one: SERVICE[name][one] for one in shared}
    assert {"OCS_ARCHIVE_DIR", "OCS_CREDENTIALS_PATH", "OCS_TLS_KEY_PATH"} <= shared


def test_it_writes_its_own_file_and_nothing_else() -> None:
    figures = compose()["services"]["figures"]
    mounts = {one["mountPath"]: one.get("readOnly", False) for one in container()["volumeMounts"]}

    (own,) = {str(Path(given["OCS_INSIGHTS_PATH"]).parent) for given in ENVIRONMENTS.values()}
    assert own in re.findall(r"^RUN install .*$", DOCKERFILE, re.MULTILINE)[0].split()
    assert figures["volumes"] == [
        f"archive:{ENVIRONMENTS['compose']['OCS_ARCHIVE_DIR']}:ro",
        f"figures:{own}",
    ]
    scratch = "/tmp"  # noqa: S108 - of the container
    assert {path for path, read_only in mounts.items() if not read_only} == {scratch, own}
    assert figures["read_only"] is True
    assert figures["cap_drop"] == ["ALL"]
    assert container()["securityContext"] == pod()["containers"][0]["securityContext"]
    assert workload()["template"]["spec"]["securityContext"] == pod()["securityContext"]
    assert figures["image"] == container()["image"] == pod()["containers"][0]["image"]


def test_one_at_a_time_has_the_file() -> None:
    labels = workload()["template"]["metadata"]["labels"]

    assert workload()["replicas"] == 1
    assert workload()["selector"]["matchLabels"] == labels
    # Not those of the service, whose clients must not come here.
    assert labels != manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert manifest("Service", "ocs-figures")["spec"]["selector"] == labels
    (claim,) = workload()["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_its_ports_are_named_once() -> None:
    given = ENVIRONMENTS["kubernetes"]
    listed = {one["name"]: one["containerPort"] for one in container()["ports"]}

    assert listed == {
        "grpc": port(given["OCS_INSIGHTS_LISTEN"]),
        "dashboard": port(given["OCS_DASHBOARD_LISTEN"]),
        "probe": port(given["OCS_PROBE_LISTEN"]),
        "metrics": port(given["OCS_METRICS_LISTEN"]),
    }
    for offered in manifest("Service", "ocs-figures")["spec"]["ports"]:
        assert listed[offered["targetPort"]] == offered["port"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container()[probe] == pod()["containers"][0][probe]
    published = compose()["services"]["figures"]["ports"]
    assert published == ["127.0.0.1:7709:7709", "127.0.0.1:7710:7710"]
