"""A client that is not Python gets exact figures: gateway.test.js against a live service."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor

from ocs.limits import QUANTITY_MAX
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.v1 import charging_service_pb2 as charging
from tests.support.live import Live, serving
from tools import node

HERE = Path(__file__).parent
TESTS = re.findall(r"^test\('", (HERE / "gateway.test.js").read_text("utf-8"), re.MULTILINE)
TIMEOUT_S = 120
MICROS = 1_000_000
# A price at which the largest quantity costs the largest sum.
TARIFF = """
version: node
currency: EUR
prices: gross
services:
  data: {unit: octets, increment: 1024, price: "2.00", per: 1073741824}
  sms: {unit: count, price: "0.07"}
  pulses: {unit: count, price: "0.000001"}
plans:
  prepaid: {services: [data, sms, pulses]}
"""
BEYOND = (QUANTITY_MAX, 2**53, 2**53 + 1, 2**62 + 1, 2**63 - 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("node")) as server:
        yield server


@pytest.fixture
async def live(store: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Live]:
    tariff_path = tmp_path / "tariff.yaml"
    tariff_path.write_text(TARIFF, encoding="utf-8")
    async with serving(store, tariff_path=tariff_path) as live:
        yield live


def descriptor_set(top: FileDescriptor) -> bytes:
    """A file of the contract and all it imports, imports first."""
    found = descriptor_pb2.FileDescriptorSet()
    names: set[str] = set()

    def add(file: FileDescriptor) -> None:
        if file.name not in names:
            names.add(file.name)
            for dependency in file.dependencies:
                add(dependency)
            file.CopyToProto(found.file.add())

    add(top)
    return found.SerializeToString()


def vectors() -> str:
    """Quantities and the bytes that Python gives them."""
    wires = {units: charging.ReserveRequest(requested_units=units) for units in BEYOND}
    return json.dumps(
        [
            {"units": str(units), "wire": request.SerializeToString().hex()}
            for units, request in wires.items()
        ]
    )


async def run_gateway(
    tmp_path: Path, address: str, account_id: str = "", rich_id: str = ""
) -> tuple[int, str]:
    """Run the JavaScript tests; return the exit status and what they printed."""
    assert (HERE / "node_modules" / "@grpc").is_dir(), "run `make setup` for what Node needs"
    descriptors = tmp_path / "descriptors.binpb"
    descriptors.write_bytes(descriptor_set(charging.DESCRIPTOR))
    process = await asyncio.create_subprocess_exec(
        node.NODE,
        *("--test", "--test-reporter=tap", "gateway.test.js"),
        cwd=HERE,
        env={
            "OCS_ADDRESS": address,
            "DESCRIPTORS": str(descriptors),
            "VECTORS": vectors(),
            "ACCOUNT": account_id,
            "RICH": rich_id,
            # grpc-js would ask a proxy for loopback too.
            "no_proxy": "127.0.0.1",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(TIMEOUT_S):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_a_node_client_charges_exactly(live: Live, tmp_path: Path) -> None:
    account_id = await live.open(micros=MICROS)
    rich_id = await live.open(micros=QUANTITY_MAX)

    status, output = await run_gateway(tmp_path, live.address, account_id, rich_id)

    assert status == 0, output
    assert f"# pass {len(TESTS)}\n" in output, output
    # What the service says of it to someone else: 1953 of data and two messages of 70,000.
    assert await live.bucket(account_id, "main") == (MICROS - 141_953, 0, 141_953)
    assert await live.bucket(rich_id, "main") == (1, 0, QUANTITY_MAX - 1)


async def test_without_a_service_it_fails(tmp_path: Path) -> None:
    status, output = await run_gateway(tmp_path, "127.0.0.1:1", "nobody", "nobody")

    assert status != 0
    assert "ECONNREFUSED" in output, output
