"""Generate, compare and lint the wire contract of protos/ocs/v1.

`buf/validate/validate.proto` is in no source tree: the protovalidate wheel carries only its
descriptor. It is dumped to a descriptor set that protoc reads beside the sources, and buf lints
the image that protoc builds, so nothing here needs a schema registry.
"""

import argparse
import difflib
import hashlib
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
PACKAGE = Path("ocs/v1")
BASELINE = PROTOS / "baseline.binpb"
CHANGELOG = ROOT / "CHANGELOG.md"
DIFF_LINES = 20
BASELINE_LINE = "wire baseline "

VALIDATE_PROTO = "buf/validate/validate.proto"
VALIDATE_MODULE = "buf_validate_pb2"
# protoc derives a Python import from the path of the .proto. A top-level package `buf` in our
# wheel would collide with other distributions, so the module moves into ours and this one line
# of every generated module follows it.
PROTOC_IMPORT = "from buf.validate import validate_pb2 as "
OUR_IMPORT = f"from ocs.v1 import {VALIDATE_MODULE} as "


def script(name: str) -> str:
    """Path of a console script installed beside this interpreter."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def sources() -> list[str]:
    """The .proto files of the package, relative to protos/, in a stable order."""
    files = sorted((PROTOS / PACKAGE).glob("*.proto"))
    found = [path.relative_to(PROTOS).as_posix() for path in files]
    if not found:
        raise SystemExit(f"no .proto file in {(PROTOS / PACKAGE).relative_to(ROOT)}")
    return found


def validate_descriptor_set(target: Path) -> None:
    """Write the validation rules' descriptor, with its imports, as a FileDescriptorSet."""
    descriptor_set = descriptor_pb2.FileDescriptorSet()
    seen: set[str] = set()

    def add(name: str, serialized: bytes) -> None:
        if name not in seen:
            seen.add(name)
            descriptor_set.file.add().ParseFromString(serialized)

    top = validate_pb.desc()
    for dependency in top.dependencies:
        add(dependency.name, dependency.proto.to_binary())
    add(VALIDATE_PROTO, top.proto.to_binary())
    target.write_bytes(descriptor_set.SerializeToString(deterministic=True))


def protoc(scratch: Path, *arguments: str) -> None:
    """Run protoc over the sources, the packaged google protos and the validation rules."""
    rules = scratch / "validate.binpb"
    validate_descriptor_set(rules)
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"--proto_path={PROTOS}",
        f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
        f"--proto_path={sysconfig.get_path('purelib')}",
        f"--descriptor_set_in={rules}",
        *arguments,
    ]
    if subprocess.run(command, check=False, cwd=ROOT).returncode != 0:
        raise SystemExit("protoc failed")


def build_image(scratch: Path, *, source_info: bool) -> Path:
    """Compile the sources with all imports to one descriptor set.

    Args:
        scratch: A directory that outlives the image.
        source_info: Keep comments and positions; buf lint needs them, a baseline does not.
    """
    image = scratch / "image.binpb"
    info = ["--include_source_info"] if source_info else []
    protoc(scratch, "--include_imports", *info, f"--descriptor_set_out={image}", *sources())
    return image


def files_with_services(image: Path) -> list[str]:
    """Our source files that define a service; only these get a grpc module."""
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    ours = set(sources())
    return [file.name for file in descriptor_set.file if file.name in ours and file.service]


def generate(target: Path) -> None:
    """Write the generated modules of ocs.v1 under `target`/ocs/v1."""
    with scratch_directory() as scratch:
        out = scratch / "out"
        out.mkdir()
        protoc(
            scratch,
            f"--plugin=protoc-gen-mypy={script('protoc-gen-mypy')}",
            f"--python_out={out}",
            f"--mypy_out=quiet:{out}",
            *sources(),
        )
        protoc(scratch, f"--python_out={out}", VALIDATE_PROTO)
        protoc(
            scratch,
            f"--plugin=protoc-gen-mypy_grpc={script('protoc-gen-mypy_grpc')}",
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out=quiet:{out}",
            *files_with_services(build_image(scratch, source_info=False)),
        )
        (out / "buf/validate/validate_pb2.py").rename(out / PACKAGE / f"{VALIDATE_MODULE}.py")
        package = target / PACKAGE
        package.mkdir(parents=True, exist_ok=True)
        for stale in generated(package):
            stale.unlink()
        for module in generated(out / PACKAGE):
            text = module.read_text().replace(PROTOC_IMPORT, OUR_IMPORT)
            (package / module.name).write_text(text)


def generated(package: Path) -> list[Path]:
    """The generated modules in a directory."""
    return sorted([*package.glob("*_pb2*.py"), *package.glob("*_pb2*.pyi")])


def check() -> int:
    """Compare the committed modules with a fresh generation; 1 on any difference."""
    with scratch_directory() as scratch:
        generate(scratch)
        fresh = {path.name: path.read_text() for path in generated(scratch / PACKAGE)}
    committed = {path.name: path.read_text() for path in generated(ROOT / PACKAGE)}
    different = [
        name for name in sorted(fresh | committed) if fresh.get(name) != committed.get(name)
    ]
    for name in different:
        old, new = committed.get(name, "").splitlines(), fresh.get(name, "").splitlines()
        path = (PACKAGE / name).as_posix()
        diff = list(difflib.unified_diff(old, new, f"{path} (committed)", f"{path} (fresh)", n=0))
        print("\n".join(line[:200] for line in diff[:DIFF_LINES]))
    if different:
        print("ocs/v1 is not what protos/ generates: run `make proto` and commit the result")
        return 1
    return 0


def lint() -> int:
    """Format, lint and breaking-change checks of buf; 1 if any of them finds something."""
    with scratch_directory() as scratch:
        image = str(build_image(scratch, source_info=True))
        results = [
            buf("format", "--diff", "--exit-code", str(PROTOS)),
            buf("lint", image, "--config", str(ROOT / "buf.yaml")),
            baseline_is_recorded(),
            buf("breaking", image, "--against", str(BASELINE), "--config", str(ROOT / "buf.yaml")),
        ]
    return 0 if all(results) else 1


def buf(*arguments: str) -> bool:
    """Run buf; True if it found nothing."""
    done = subprocess.run([script("buf"), *arguments], check=False, cwd=ROOT)
    if done.returncode != 0:
        print(f"buf {arguments[0]}: exit {done.returncode}")
    return done.returncode == 0


def baseline_sha256() -> str:
    """Digest of the committed baseline image, in hexadecimal."""
    return hashlib.sha256(BASELINE.read_bytes()).hexdigest()


def baseline_is_recorded() -> bool:
    """Whether the changelog names the committed baseline, so no change of it goes unseen."""
    if not BASELINE.exists():
        print("protos/baseline.binpb is missing: run `make proto-baseline`")
        return False
    if f"{BASELINE_LINE}{baseline_sha256()}" not in CHANGELOG.read_text():
        print("CHANGELOG.md does not name this protos/baseline.binpb: run `make proto-baseline`")
        return False
    return True


def write_baseline() -> int:
    """Make the present contract the one later changes are compared with; note it in CHANGELOG."""
    with scratch_directory() as scratch:
        BASELINE.write_bytes(build_image(scratch, source_info=False).read_bytes())
    entry = f"- {BASELINE_LINE}{baseline_sha256()}"
    lines = CHANGELOG.read_text().splitlines()
    if entry in lines:
        return 0
    start = lines.index("## Unreleased")
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("## ")), len(lines))
    # One baseline per release: a newer one replaces what Unreleased said before.
    section = [line for line in lines[start:end] if not line.startswith(f"- {BASELINE_LINE}")]
    section.insert(section.index("### Internals") + 2, entry)
    CHANGELOG.write_text("\n".join([*lines[:start], *section, *lines[end:]]) + "\n")
    print(f"CHANGELOG.md: {entry[2:]}; say there what changed on the wire")
    return 0


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A temporary directory."""
    with tempfile.TemporaryDirectory(prefix="ocs-protos-") as name:
        yield Path(name)


def main() -> int:
    """Run one command; the exit status is its result."""
    parser = argparse.ArgumentParser(prog="python -m tools.protos", description=__doc__)
    parser.add_argument("command", choices=["generate", "check", "lint", "baseline"])
    command: str = parser.parse_args().command
    if command == "generate":
        generate(ROOT)
        return 0
    return {"check": check, "lint": lint, "baseline": write_baseline}[command]()


if __name__ == "__main__":
    sys.exit(main())
