"""The lowest versions we admit are exactly those that the generated code needs.

A floor below makes an installation that cannot import; a floor above refuses one that could.
"""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "ocs" / "v1"


def floor(distribution: str) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    floors = [
        match.group(1)
        for requirement in project["dependencies"]
        if (match := re.fullmatch(rf"{re.escape(distribution)}>=([\d.]+)(?:,.*)?", requirement))
    ]
    assert len(floors) == 1, f"{distribution} must be required once, with a floor"
    return str(floors[0])


def generators(pattern: str, files: str) -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(GENERATED.glob(files))]
    assert texts, f"no {files} in ocs/v1"
    found = [re.findall(pattern, text, re.DOTALL) for text in texts]
    assert all(len(versions) == 1 for versions in found), f"a {files} names no version"
    return {re.sub(r"[\s,]+", ".", version.strip()) for versions in found for version in versions}


@pytest.mark.parametrize(
    "distribution", ["grpcio", "grpcio-health-checking", "grpcio-reflection", "grpcio-status"]
)
def test_grpc_floor_is_what_the_stubs_need(distribution: str) -> None:
    versions = generators(r"GRPC_GENERATED_VERSION = '([\d.]+)'", "*_pb2_grpc.py")

    assert versions == {floor(distribution)}


def test_protobuf_floor_is_what_the_messages_need() -> None:
    versions = generators(
        r"ValidateProtobufRuntimeVersion\(\s*_runtime_version\.Domain\.PUBLIC,"
        r"\s*(\d+,\s*\d+,\s*\d+),",
        "*_pb2.py",
    )

    assert versions == {floor("protobuf")}


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


def test_locked_versions_are_the_same_in_both_locks() -> None:
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")

    assert run
    assert run == {name: dev.get(name) for name in run}
