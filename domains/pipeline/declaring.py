"""From a configuration to what is known before a record is touched: the declaration of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from domains.base.constraints import Constraint, Derived
from domains.base.contract import Domain, Task
from domains.base.registry import domain_named
from domains.pipeline.cleaning_marker import check_private
from domains.pipeline.config import ROW, Config, with_table
from domains.pipeline.engines import check_below, check_units
from privacy.workload import declared
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.relations import Tree, View, alone, tree_of, view_of
from shared.corpus.schema import Schema, Table
from shared.corpus.schema_file import read_schema
from shared.corpus.timeline import merged_schema
from shared.corpus.units import Units
from shared.errors import ConfigurationError


@dataclass(frozen=True, eq=False, kw_only=True)
class TableDeclaration:
    """What is known of one table before a record is touched: how it is learned, what must hold, what it is for."""

    view: View
    constraints: tuple[Constraint, ...]
    tasks: tuple[Task, ...]

    @property
    def name(self) -> str:
        return self.view.source.name

    @property
    def table(self) -> Table:
        """The table with its rows by unit."""
        return self.view.table

    @property
    def derived(self) -> tuple[str, ...]:
        """Columns that are computed and not modelled."""
        return tuple(constraint.column for constraint in self.constraints if isinstance(constraint, Derived))

    @property
    def unlearned(self) -> tuple[str, ...]:
        """Columns of which nothing is asked: derived ones, and those that the table above has given."""
        return (*self.derived, *self.view.given)


@dataclass(frozen=True, eq=False, kw_only=True)
class Declaration:
    """What is known before a record is touched.

    ``file_schema`` describes the records as they lie on disk, ``schema`` as the domain prepares them. ``tables`` has
    each table that is learned (of a time line its table of events) behind the one above it; the first is that of the
    units. ``most_rows`` is the declared cap on the rows of a unit in each further table of a private run.
    """

    domain: Domain
    file_schema: Schema
    schema: Schema
    tables: tuple[TableDeclaration, ...]
    most_rows: Mapping[str, int] | None = None

    @property
    def only(self) -> TableDeclaration:
        """The table of a corpus that has one; ``ConfigurationError`` for several."""
        if len(self.tables) > 1:
            raise ConfigurationError(
                f"the schema has {len(self.tables)} tables ({', '.join(table.name for table in self.tables)}); this "
                "works on one table: give a schema with the one that is meant"
            )
        return self.tables[0]

    @property
    def unit(self) -> str:
        """What the unit of privacy is called: a column, or ``row``."""
        first = self.tables[0].table
        return first.unit or (ROW if len(self.tables) == 1 else str(first.primary_key))


@dataclass(frozen=True, eq=False, kw_only=True)
class Records:
    """The units of one table: those that are learned from, and those that nothing learns from."""

    train: Units
    holdout: Units


def declare(config: Config) -> Declaration:
    """Check all that can be checked without records: schema, unit, tasks, constraints.

    Raises ``ConfigurationError`` or ``SchemaError``.
    """
    domain = domain_named(config.domain)
    if config.schema is not None:
        schema = read_schema(config.schema)
    else:
        found = domain.schema(None if config.source.simulation is None else config.source.simulation.layout)
        if found is None:
            raise ConfigurationError(
                f"{config.path}: domain {config.domain!r} has no simulator and no schema of its own; "
                "give source.path and schema"
            )
        schema = found
    if config.privacy is not None and config.source.path is not None:
        check_private(config.source.path, schema, accepted=config.source.learned_cleaning, where=str(config.path))
    declaration = declared_for(
        domain,
        schema,
        config.unit,
        where=f"{config.path}: unit",
        rows=None if config.privacy is None else config.privacy.rows_of,
    )
    first = declaration.tables[0]
    check_units(config.engine(first.name), first.table, first.derived, str(config.path))
    for table in declaration.tables[1:]:
        check_below(config.engine(table.name), table.name, str(config.path))
    own = with_table(config.tasks, declaration.tables[0].name)
    for index, task in enumerate(own):
        _check_task(task, declaration, f"{config.path}: tasks.{index}")
    tables = tuple(
        _with_tasks(table, [task for task in own if task.table == table.name]) for table in declaration.tables
    )
    return dataclasses.replace(declaration, tables=tables)


def _with_tasks(table: TableDeclaration, own: Sequence[Task]) -> TableDeclaration:
    named = {task.name for task in own}
    inherited = (task for task in table.tasks if task.name not in named)
    return dataclasses.replace(table, tasks=(*own, *inherited))


def declared_for(
    domain: Domain,
    schema: Schema,
    unit: str | None,
    *,
    where: str,
    rows: Callable[[str], int] | None = None,
) -> Declaration:
    """The declaration of a schema in a domain, with the unit that was named; ``None`` takes the schema's.

    ``rows`` are the declared caps of a private run, for which several tables are taken as they are declared.
    """
    file_schema = with_unit(schema, unit, where)
    # What the domain makes of the layout must follow from the layout: it is asked without records.
    empty = Corpus(file_schema, {table.name: _empty(table) for table in file_schema.tables})
    prepared = domain.prepare(empty).schema
    if rows is None or len(prepared.tables) == 1:
        return Declaration(domain=domain, file_schema=file_schema, schema=prepared, tables=tables_of(domain, prepared))
    most = {name: rows(name) for name in tree_of(merged_schema(prepared)).order[1:]}
    return Declaration(
        domain=domain,
        file_schema=file_schema,
        schema=prepared,
        tables=_as_declared(domain, prepared, most),
        most_rows=most,
    )


def tables_of(domain: Domain, schema: Schema, most: Mapping[str, int] | None = None) -> tuple[TableDeclaration, ...]:
    """The tables of a schema as they are learned, time lines as one table of events each.

    ``most``: declared caps on the rows of a unit below the first.
    """
    schema = merged_schema(schema)
    if len(schema.tables) > 1:
        return _below(domain, tree_of(schema), most)
    return (
        TableDeclaration(
            view=alone(schema.tables[0]),
            constraints=tuple(domain.constraints(schema)),
            tasks=tuple(domain.tasks(schema)),
        ),
    )


def _as_declared(domain: Domain, schema: Schema, most: Mapping[str, int]) -> tuple[TableDeclaration, ...]:
    """Several tables with declared knowledge only: what is given of a row above must have been paid for or declared."""
    # Before they are merged: the columns of a table of events keep no mark of what was read off records for its parts.
    known, schema = {}, merged_schema(_parts_declared(schema))
    for table in tables_of(domain, schema):
        source = table.view.source
        known[table.name] = declared(source, (*table.derived, *(key.column for key in source.foreign_keys)))
    return tables_of(domain, dataclasses.replace(schema, tables=tuple(known[t.name] for t in schema.tables)), most)


def _parts_declared(schema: Schema) -> Schema:
    """The schema with declared knowledge only of the tables that form time lines."""
    parts = {name for timeline in schema.timelines for name in timeline.tables}
    tables = (
        declared(table, tuple(key.column for key in table.foreign_keys)) if table.name in parts else table
        for table in schema.tables
    )
    return dataclasses.replace(schema, tables=tuple(tables))


def _below(domain: Domain, tree: Tree, most: Mapping[str, int] | None) -> tuple[TableDeclaration, ...]:
    done: dict[str, TableDeclaration] = {}
    for name in tree.order:
        above = done[tree.parents[name].table] if name in tree.parents else None
        view = view_of(
            tree,
            name,
            None if above is None else above.view,
            left_out=() if above is None else above.derived,
            most=most,
        )
        alone_schema = Schema(tables=(view.history,))
        held = {constraint.name for other in tree.above(name) for constraint in done[other].constraints}
        done[name] = TableDeclaration(
            view=view,
            constraints=tuple(c for c in domain.constraints(alone_schema) if c.name not in held),
            tasks=tuple(task for task in domain.tasks(alone_schema) if task.target in view.own),
        )
    return tuple(done.values())


def with_unit(schema: Schema, unit: str | None, where: str) -> Schema:
    """The schema with its unit as it was named outright; what the schema says must not differ."""
    if len(schema.tables) > 1:
        return _with_root(schema, unit, where)
    table = schema.tables[0]
    if unit is None:
        return schema
    if unit == ROW:
        if table.unit is not None:
            raise ConfigurationError(
                f"{where} is 'row', but the schema says that rows belong to {table.unit!r}; "
                f"give {table.unit!r}, or take 'unit' out of the schema"
            )
        return schema
    if unit not in table.names:
        raise ConfigurationError(f"{where} is {unit!r}; it must be 'row' or a column: {', '.join(table.names)}")
    if table.unit is not None and table.unit != unit:
        raise ConfigurationError(f"{where} is {unit!r}, but the schema says {table.unit!r}; make them agree")
    return dataclasses.replace(schema, tables=(dataclasses.replace(table, unit=unit),))


def _with_root(schema: Schema, unit: str | None, where: str) -> Schema:
    """Of several tables the unit is the primary key of the one that all others hang below."""
    root = tree_of(schema).root
    for table in schema.tables:
        to_root = {key.column for key in table.foreign_keys if key.table == root.name}
        if table.unit not in (None, *({root.primary_key} if table.name == root.name else to_root)):
            raise ConfigurationError(
                f"{where}: table {table.name!r} says that its rows belong to {table.unit!r}; of several tables the "
                f"unit is {root.primary_key!r} of {root.name!r}: put a table of {table.unit!r} above all others, "
                "or take 'unit' out of the table"
            )
    if unit is not None and unit != root.primary_key:
        raise ConfigurationError(
            f"{where} is {unit!r}; of several tables it is the key of the one above all others, "
            f"{root.primary_key!r} of {root.name!r}"
        )
    return schema


def _check_task(task: Task, declaration: Declaration, where: str) -> None:
    tables = {table.name: table for table in declaration.tables}
    if task.table not in tables:
        raise ConfigurationError(f"{where}.table is {task.table!r}; the schema has {', '.join(map(repr, tables))}")
    names = tables[task.table].table.names
    columns: Sequence[tuple[str, Sequence[str]]] = (
        ("target", [task.target]),
        ("features", task.features or ()),
        ("excluded", task.excluded),
    )
    for key, given in columns:
        for column in given:
            if column not in names:
                raise ConfigurationError(f"{where}.{key} has {column!r}; it must be a column: {', '.join(names)}")
    target = tables[task.table].table.column(task.target)
    if task.kind == "next-item" and target.kind != "categorical":
        raise ConfigurationError(
            f"{where}.target is {task.target!r}, of kind {target.kind}; items are values of a categorical column"
        )


def _empty(table: Table) -> pd.DataFrame:
    return pd.DataFrame({column.name: pd.Series([], dtype=DTYPES[column.kind]) for column in table.columns})
