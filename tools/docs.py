"""Write the pages of docs/ that are tables of something the code already says.

A page written here is never edited; `make lint` fails when one is not what its source gives.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

from ocs.insights.export_rows import COLUMNS, FORMAT_VERSION
from ocs.settings import PREFIX, Settings
from ocs.telemetry.metric_list import METRICS
from tools.cli_docs import cli_page
from tools.protos import ROOT, build_image, scratch_directory

TARIFF_SCHEMA = "ocs/tariffs/tariff.schema.json"
ENUM_PREFIX = "ERROR_REASON_"
# In a FileDescriptorProto's source locations: enum_type is field 5, an enum's value field 2.
ENUM_TYPE_FIELD, ENUM_VALUE_FIELD = 5, 2


def errors_page() -> str:
    """The closed list of reasons, from the comments of error_reason.proto."""
    with scratch_directory() as scratch:
        image = build_image(scratch, source_info=True).read_bytes()
    files = descriptor_pb2.FileDescriptorSet.FromString(image).file
    file = next(file for file in files if file.name.endswith("/error_reason.proto"))
    comments = {
        tuple(location.path): " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
    }
    rows = []
    for index, value in enumerate(file.enum_type[0].value):
        if value.number == 0:  # never sent
            continue
        comment = comments.get((ENUM_TYPE_FIELD, 0, ENUM_VALUE_FIELD, index), "")
        matched = re.fullmatch(r"([A-Z_]+)\. (.+)", comment)
        if matched is None:
            raise SystemExit(f"{file.name}: {value.name} needs the comment 'CODE. Meaning.'")
        status, meaning = matched.groups()
        rows.append((status, value.name.removeprefix(ENUM_PREFIX), meaning))
    lines = [
        "# Errors",
        "",
        "A failed call has a gRPC status with a google.rpc.ErrorInfo (domain `ocs.v1`). Its reason",
        "is one of these, for ever. A refused charge is no error: it is an `outcome` under status",
        "OK. Only UNAVAILABLE may be sent again blindly, and then with the same `request_id`.",
        "",
        "| Status | Reason | Meaning |",
        "| --- | --- | --- |",
        *(
            f"| `{status}` | `{reason}` | {cell(meaning)} |"
            for status, reason, meaning in sorted(rows)
        ),
    ]
    return page("protos/ocs/v1/error_reason.proto", lines)


def metrics_page() -> str:
    """The closed list of metric names."""
    lines = [
        "# Metrics",
        "",
        "OpenTelemetry instruments, read from plain memory when something collects them. A label",
        "is from a closed set: no account, subscriber or request id is ever one. A process tells",
        "of what it measures, not of what others do: a charging process has no `ocs.insights.*`,",
        "and `ocs insights` no `ocs.archive.*`, `ocs.journal.*` or charges.",
        "",
        "| Name | Kind | Unit | Labels | Meaning |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| `{metric.name}` | {metric.kind} | {cell(metric.unit)} |"
            f" {', '.join(f'`{name}`' for name in metric.attributes)} | {cell(metric.meaning)} |"
            for metric in METRICS
        ),
    ]
    return page("ocs/telemetry/metrics.py", lines)


EXPORTS = """\
# Columns of exports

What `ocs export cdr` writes. A row is of one `--kind`; the first column says which, and the version
of its columns. Names, types and order of a version never change. Rows stand by `store_time`,
`tenant`, `account_id` and `account_seq`.

| Type | In Parquet | In CSV |
| --- | --- | --- |
| text | string | always in double quotes, a quote in it twice; UTF-8 |
| whole | int64 | plain digits, never rounded, a sign before what is below 0 |
| time | timestamp of milliseconds, UTC | RFC 3339, e.g. `2026-11-23T12:00:00.250Z` |
| flag | boolean | `true` or `false` |

What there is nothing to say of is null, in CSV an empty cell without quotes. `*_micros` are
millionths of the currency that stands beside them, `*_units` count what `unit` says: octets,
seconds or counts. CSV begins with a line of names, ends lines with a line feed and splits cells by
commas. Ids are as they came: one may begin with `+`, `-` or `@`, other text even with `=`, so let a
spreadsheet import such columns as text."""

EXPORT_KINDS = {
    "charges": """\
An event that charged, sold or gave back. `charged_micros` without `refunded_micros` is the revenue
of `ocs report revenue` in the same range, `used_units` the use of `ocs report usage`. Refused
decisions and commits of nothing are no charges.""",
    "costs": """\
What one carrier is owed for the use of one event. Most events have one such row, or none; one whose
use was priced in pieces may have several.""",
    "balances": """\
What one event did to one bucket: a charge, a top-up, a bundle, a refund, a withdrawal, a bucket
that ended (`BUCKET_CLOSED`) with what was left in it. All `change_*` of a bucket add up to its
balance.
What is only held moves nothing.""",
}


def exports_page() -> str:
    """Every column of every export."""
    lines = EXPORTS.splitlines()
    for kind, columns in COLUMNS.items():
        lines += ["", f"## {kind}/{FORMAT_VERSION}", "", *EXPORT_KINDS[kind].splitlines(), ""]
        lines += ["| Column | Type | Meaning |", "| --- | --- | --- |"]
        lines += [f"| `{one.name}` | {one.kind} | {cell(one.meaning)} |" for one in columns]
    return page("ocs/insights/export_rows.py", lines)


def settings_page() -> str:
    """Every setting with its default."""
    lines = [
        "# Settings",
        "",
        "A value on the command line wins over the environment, that over the TOML file named by",
        "`OCS_CONFIG` (same names, without the prefix, in lower case), that over the default.",
        "",
        "| Variable | Default | Meaning |",
        "| --- | --- | --- |",
        *(
            f"| `{PREFIX}{name.upper()}` | {setting_default(field.default)} |"
            f" {cell(field.description or '')} |"
            for name, field in Settings.model_fields.items()
        ),
    ]
    return page("ocs/settings.py", lines)


def tariff_keys_page() -> str:
    """Every key of a tariff, from its schema."""
    schema = json.loads((ROOT / TARIFF_SCHEMA).read_text(encoding="utf-8"))
    lines = [
        "# Keys of a tariff",
        "",
        "What may stand in a tariff, table by table; [tariffs.md](tariffs.md) walks through one.",
        f"The same as JSON Schema, for editors: `{TARIFF_SCHEMA}`.",
    ]
    for name, table in {"top of the document": schema, **schema["$defs"]}.items():
        if "properties" not in table:
            continue
        lines += ["", f"## {name.replace('_', ' ')}", ""]
        if name in schema["$defs"]:
            lines += [table["description"], ""]
        lines += ["| Key | Required | Value | Meaning |", "| --- | --- | --- | --- |"]
        for key, value in table["properties"].items():
            if _target(value).startswith("key_"):
                value = schema["$defs"][_target(value)]  # noqa: PLW2901 - said once, used often
            whole = {**schema["$defs"].get(_target(value), {}), **value}
            needed = "yes" if key in table.get("required", ()) else ""
            shown = cell(_value(value, whole))
            lines.append(f"| `{key}` | {needed} | {shown} | {cell(whole['description'])} |")
    return page(TARIFF_SCHEMA, lines)


def _target(value: dict[str, Any]) -> str:
    """What of the schema a value refers to; empty if it does not."""
    return str(value.get("$ref", "")).rpartition("/")[2]


def _value(value: dict[str, Any], whole: dict[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "enum" in whole:
        return " ".join(f"`{one}`" for one in whole["enum"])
    if "const" in whole:
        return f"`{json.dumps(whole['const'])}`"
    if named := _target(value):
        return named.replace("_", " ")
    kind = str(whole.get("type", ""))
    inner = whole.get("items") or whole.get("additionalProperties")
    if kind in {"array", "object"} and isinstance(inner, dict):
        of = "tables" if "properties" in inner else _value(inner, inner)
        return f"list of {of}" if kind == "array" else f"table by id of {of}"
    if kind == "integer":
        return f"{whole['minimum']} .. {whole['maximum']}"
    return "text"


def setting_default(value: object) -> str:
    """A default as one would write it; unset is a blank."""
    if value is None or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def cell(text: str) -> str:
    """Text that may stand in a Markdown table."""
    return text.replace("|", "\\|")


def page(source: str, lines: list[str]) -> str:
    """A whole page, with the note that says where to change it."""
    return "\n".join([f"<!-- Written by `make docs` from {source}. -->", "", *lines, ""])


PAGES: dict[str, Callable[[], str]] = {
    "docs/cli.md": cli_page,
    "docs/errors.md": errors_page,
    "docs/exports.md": exports_page,
    "docs/metrics.md": metrics_page,
    "docs/settings.md": settings_page,
    "docs/tariff-keys.md": tariff_keys_page,
}


def write() -> int:
    """Write every page."""
    for name, render in PAGES.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(render(), encoding="utf-8")
    return 0


def check() -> int:
    """Say which pages are not what their source gives; 1 if any."""
    old = [name for name, render in PAGES.items() if not is_current(ROOT / name, render())]
    for name in old:
        print(f"{name} is not what its source gives: run `make docs` and commit the result")
    return 1 if old else 0


def is_current(path: Path, text: str) -> bool:
    """Whether a page has exactly this text."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def main() -> int:
    """Run one command; the exit status is its result."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__)
    parser.add_argument("command", choices=["write", "check"])
    command: str = parser.parse_args().command
    return {"write": write, "check": check}[command]()


if __name__ == "__main__":
    sys.exit(main())
