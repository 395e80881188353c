"""Tables of a schema as tables of a database: types that fit the kinds, keys that hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sql

from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.schema import Column, Kind, Schema, Table
from shared.errors import OutputError

_TYPES: Mapping[Kind, type[sql.types.TypeEngine[Any]]] = {
    "categorical": sql.Text,
    "identifier": sql.Text,
    "text": sql.Text,
    "integer": sql.BigInteger,
    "real": sql.Double,
    "boolean": sql.Boolean,
    "date": sql.Date,
    "datetime": sql.DateTime,
}


def sql_tables(schema: Schema, url: DatabaseUrl) -> dict[str, sql.Table]:
    """The tables by name, with primary keys, foreign keys and NOT NULL where the schema says so.

    A foreign key is named ``<table>_<column>_fkey``.
    """
    metadata = sql.MetaData()
    places = {table.name: url.place(table) for table in schema.tables}
    made = {}
    for table in schema.tables:
        space, name = places[table.name]
        keys = [
            sql.ForeignKeyConstraint(
                [key.column],
                [".".join(part for part in (*places[key.table], schema.table(key.table).primary_key) if part)],
                name=f"{name}_{key.column}_fkey",
            )
            for key in table.foreign_keys
        ]
        columns = [_sql_column(table, column) for column in table.columns]
        made[table.name] = sql.Table(name, metadata, *columns, *keys, schema=space, comment=table.description or None)
    return made


def _sql_column(table: Table, column: Column) -> sql.Column[Any]:
    key = column.name == table.primary_key
    return sql.Column(
        column.name,
        sql.BigInteger() if column.stored == "integer" else _TYPES[column.kind](),
        primary_key=key,
        autoincrement=False,
        nullable=column.nullable and not key and column.name != table.unit,
        comment=column.description or None,
    )


def parents_first(schema: Schema) -> list[Table]:
    """The tables, each behind those that its foreign keys point to.

    Raises ``OutputError`` for keys that run in a circle, also from a table to itself.
    """
    waiting, done = list(schema.tables), list[Table]()
    while waiting:
        ready = [table for table in waiting if not _parents(table) & {other.name for other in waiting}]
        if not ready:
            names: Sequence[str] = [table.name for table in waiting]
            raise OutputError(
                f"the foreign keys of {', '.join(names)} run in a circle, which this database cannot hold; "
                "take one of them out of the schema"
            )
        done += ready
        waiting = [table for table in waiting if table not in ready]
    return done


def _parents(table: Table) -> set[str]:
    return {key.table for key in table.foreign_keys}
