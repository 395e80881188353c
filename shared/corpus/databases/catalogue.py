"""Drafts of schemas from the catalogue of a database: what its owner declared, so public; no record is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql
from sqlalchemy.types import TypeEngine

from shared.corpus.databases.connecting import reader, speaking
from shared.corpus.databases.duckdb_reading import connected, stored_tables
from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.schema import Column, ForeignKey, Kind, Schema, Table
from shared.errors import DataError

_KINDS: Sequence[tuple[type[TypeEngine[Any]], Kind]] = (
    (sql.Boolean, "boolean"),
    (sql.Integer, "integer"),
    (sql.Numeric, "real"),
    (sql.Float, "real"),
    (sql.DateTime, "datetime"),
    (sql.Date, "date"),
    (sql.Uuid, "identifier"),
)
_DUCKDB_KINDS: Mapping[str, Kind] = {
    "BOOLEAN": "boolean",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), "real"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS"), "datetime"),
    "DATE": "date",
    "UUID": "identifier",
}


@dataclass(frozen=True)
class _Catalogued:
    """A table as the catalogue has it: kind and nullability by column, keys of one column."""

    name: str
    columns: Mapping[str, tuple[Kind, bool]]
    primary_key: str | None
    references: Mapping[str, tuple[str, str]]  # column -> table, its column


def draft_from_database(location: str) -> Schema:
    """Tables, columns, kinds, NOT NULL, primary and foreign keys, from the catalogue alone.

    Nothing is ``learned``: bounds and categories are left for people to declare. Keys of several columns
    and foreign keys to other columns than a primary key are left out, since a schema does not know them.

    Raises ``DataError`` for a database that cannot be read or has no tables.
    """
    url = DatabaseUrl.parse(location)
    found = list(_duckdb_tables(url) if url.dialect == "duckdb" else _sql_tables(url))
    if not found:
        raise DataError(f"{url}: there are no tables that this user can see; name a schema with ?schema=NAME")
    keys = {table.name: table.primary_key for table in found}
    return Schema(name=_name(url), tables=tuple(_table(table, keys) for table in found))


def _name(url: DatabaseUrl) -> str:
    return url.file.stem if url.file is not None else url.schema or url.url.database or "corpus"


def _table(found: _Catalogued, keys: Mapping[str, str | None]) -> Table:
    references = {
        column: table for column, (table, target) in found.references.items() if target and keys.get(table) == target
    }
    columns = tuple(
        Column(
            name=name,
            kind="identifier" if name in references or name == found.primary_key else kind,
            nullable=nullable and name != found.primary_key,
            stored="integer" if kind == "integer" and (name in references or name == found.primary_key) else "text",
        )
        for name, (kind, nullable) in found.columns.items()
    )
    foreign = tuple(ForeignKey(column=column, table=table) for column, table in references.items())
    return Table(name=found.name, columns=columns, primary_key=found.primary_key, foreign_keys=foreign)


def _sql_tables(url: DatabaseUrl) -> Iterator[_Catalogued]:
    with reader(url) as connection, speaking(url, DataError, "cannot be read"):
        inspector = sql.inspect(connection)
        for name in sorted(inspector.get_table_names(url.schema)):
            primary = inspector.get_pk_constraint(name, url.schema)["constrained_columns"]
            references = {
                key["constrained_columns"][0]: (key["referred_table"], key["referred_columns"][0])
                for key in inspector.get_foreign_keys(name, url.schema)
                if len(key["constrained_columns"]) == 1 and key["referred_schema"] == url.schema
            }
            columns = {
                part["name"]: (_kind(part["type"]), bool(part["nullable"]))
                for part in inspector.get_columns(name, url.schema)
            }
            yield _Catalogued(name, columns, primary[0] if len(primary) == 1 else None, references)


def _kind(stored: TypeEngine[Any]) -> Kind:
    return next((kind for types, kind in _KINDS if isinstance(stored, types)), "categorical")


def _duckdb_tables(url: DatabaseUrl) -> Iterator[_Catalogued]:
    query = (
        "SELECT table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names "
        "FROM duckdb_constraints() WHERE database_name = current_database() "
        "AND schema_name = coalesce(?, current_schema())"
    )
    with connected(url, read_only=True) as (_, connection):
        constraints = connection.execute(query, [url.schema]).fetchall()
        for name, types in stored_tables(connection, url.schema).items():
            own = [row[1:] for row in constraints if row[0] == name]
            primary: Sequence[str] = next((columns for kind, columns, *_ in own if kind == "PRIMARY KEY"), [])
            required = {columns[0] for kind, columns, *_ in own if kind == "NOT NULL"}
            references = {
                columns[0]: (table, targets[0])
                for kind, columns, table, targets in own
                if kind == "FOREIGN KEY" and len(columns) == 1
            }
            columns = {
                column: (_DUCKDB_KINDS.get(stored.partition("(")[0], "categorical"), column not in required)
                for column, stored in types.items()
            }
            yield _Catalogued(name, columns, primary[0] if len(primary) == 1 else None, references)
