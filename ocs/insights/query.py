"""One SELECT of an operator, held to the tables of the figures and to his tenant.

DuckDB itself parses the text (json_serialize_sql takes nothing but SELECT), and every table and
function in the parsed text is compared with what is allowed: tables only by their bare names, which
views of the connection stand behind that have the caller's tenant alone. Beside that the connection
reads only, nothing reaches a file (tables.py), and a timer ends what takes too long (answers.py).
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import duckdb

from ocs.domain.insights import AsOf, QueryResult
from ocs.insights.schema import PUBLIC_TABLES
from ocs.limits import FIGURE_ROWS_MAX, ID_PATTERN
from ocs.ports import SqlRefusedError

_TABLES: Final = frozenset(PUBLIC_TABLES)
# What is no event has no tenant that could be believed.
_OF_NOBODY: Final = frozenset({"unreadable"})
_TABLE_FUNCTIONS: Final = frozenset({"range", "generate_series", "unnest"})
_REFERENCES: Final = frozenset(
    {"BASE_TABLE", "TABLE_FUNCTION", "JOIN", "SUBQUERY", "EMPTY", "EXPRESSION_LIST", "PIVOT"}
)
_SELECTS: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE"})
# They tell of, or change, the process rather than the figures.
_FUNCTIONS_REFUSED: Final = re.compile(
    r"current_setting|get_?env|getvariable|nextval|currval|setval|write_log|parse_duckdb.*"
    r"|json_execute.*|json_deserialize.*|read_.*|pragma_.*|duckdb_.*|pg_.*|query.*|which_secret"
)


def query(connection: duckdb.DuckDBPyConnection, tenant: str, sql: str, as_of: AsOf) -> QueryResult:
    """Run it. tenant: empty for all. Raises SqlRefusedError."""
    _check(connection, sql)
    if tenant:
        _restrict(connection, tenant)
    connection.execute("BEGIN TRANSACTION READ ONLY").fetchall()
    try:
        found = connection.execute(sql)
        described = found.description or []
        rows = found.fetchmany(FIGURE_ROWS_MAX + 1)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise SqlRefusedError(_first_line(error)) from None
    return QueryResult(
        as_of,
        tuple((str(name), str(kind)) for name, kind, *_ in described),
        tuple(tuple(map(_text, row)) for row in rows[:FIGURE_ROWS_MAX]),
        len(rows) > FIGURE_ROWS_MAX,
    )


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    ((text,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    parsed = json.loads(text)
    if parsed.get("error"):
        raise SqlRefusedError(str(parsed.get("error_message", "is no SELECT")).splitlines()[0])
    if len(parsed["statements"]) != 1:
        raise SqlRefusedError("must be one statement")
    nodes = list(_nodes(parsed["statements"]))
    own = {
        str(entry["key"]).lower()
        for node in nodes
        for entry in node.get("cte_map", {}).get("map", ())
    }
    for node in nodes:
        _check_reference(node, own)
        if "function_name" in node:
            _check_function(node)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _nodes(one)


def _check_reference(node: dict[str, Any], own: set[str]) -> None:
    """Look at where rows come from. own: names that the query itself gives to a part of it."""
    for name in ("from_table", "left", "right", "source"):
        reference = node.get(name)
        # Expressions have a left and a right, too, and a class.
        if not isinstance(reference, dict) or "class" in reference:
            continue
        if reference.get("type") not in _REFERENCES | _SELECTS:
            raise SqlRefusedError("reads from what is no table of the figures")
    if node.get("type") == "BASE_TABLE":
        table = str(node["table_name"])
        if node["catalog_name"] or node["schema_name"]:
            raise SqlRefusedError("must name tables without their schema")
        if table.lower() not in _TABLES | own:
            known = ", ".join(sorted(_TABLES))
            raise SqlRefusedError(f"{table[:64]} is none of the tables: {known}")
    if node.get("type") == "TABLE_FUNCTION":
        function = str(node["function"].get("function_name", ""))
        if function.lower() not in _TABLE_FUNCTIONS:
            raise SqlRefusedError(f"must not call {function[:64]}")


def _check_function(node: dict[str, Any]) -> None:
    function = str(node["function_name"])
    if node.get("schema") or node.get("catalog") or _FUNCTIONS_REFUSED.fullmatch(function.lower()):
        raise SqlRefusedError(f"must not call {function[:64]}")


def _restrict(connection: duckdb.DuckDBPyConnection, tenant: str) -> None:
    """Put views of this connection before the tables: bare names mean them."""
    assert re.fullmatch(ID_PATTERN, tenant), tenant
    # Temporary views have a schema `main`, too: only the file's name tells the tables from them.
    ((file,),) = connection.execute("SELECT current_database()").fetchall()
    for table in PUBLIC_TABLES:
        where = "false" if table in _OF_NOBODY else f"tenant = '{tenant}'"
        source = f'"{file}".main.{table}'
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT * FROM {source} WHERE {where}"
        ).fetchall()


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0][:200]


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
