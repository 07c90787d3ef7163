"""The files of compose.yaml and deploy/, as their tools read them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final = ROOT / "compose.yaml"
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text("utf-8")


def documents(path: Path) -> list[Any]:
    """Every document of a YAML file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def compose() -> Any:
    """The one document of compose.yaml."""
    (document,) = documents(COMPOSE)
    return document


def manifest(kind: str, name: str = "") -> Any:
    """The one manifest of a kind that is applied; name: of several of its kind."""
    kubernetes = DEPLOY / "kubernetes"
    (listed,) = documents(kubernetes / "kustomization.yaml")
    found = [
        document
        for resource in listed["resources"]
        for document in documents(kubernetes / resource)
        if document["kind"] == kind and name in ("", document["metadata"]["name"])
    ]
    (one,) = found
    return one


def pod() -> Any:
    """What runs in Kubernetes."""
    return manifest("Deployment")["spec"]["template"]["spec"]


def environments() -> Iterator[tuple[str, dict[str, str]]]:
    """The variables that each kind of installation gives the service."""
    yield "compose", dict(compose()["services"]["ocs"]["environment"])
    (container,) = pod()["containers"]
    yield "kubernetes", {one["name"]: one["value"] for one in container["env"]}
    variables = re.search(r"^ENV (.+?)(?<!\\)$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert variables is not None
    pairs = (word.split("=", 1) for word in variables[1].replace("\\\n", " ").split())
    yield "image", {name: value for name, value in pairs if name.startswith("OCS_")}


def port(address: str) -> int:
    """The port of host:port."""
    return int(address.rpartition(":")[2])
