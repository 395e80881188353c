"""From a configuration to units that can be trained on: what is declared first, records after."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from domains.base.constraints import Constraint, Derived
from domains.base.contract import Domain, Task
from domains.base.registry import domain_named
from domains.pipeline.cleaning_marker import check_private
from domains.pipeline.config import ROW, Config, with_table
from evaluation.comparison import LEAST_UNITS
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.reading import read_corpus
from shared.corpus.schema import Schema, Table
from shared.corpus.schema_file import read_schema
from shared.corpus.units import UnitFrame, by_unit
from shared.errors import ConfigurationError, DataError
from shared.training.reporter import Reporter


@dataclass(frozen=True, eq=False, kw_only=True)
class Declaration:
    """What is known before a record is touched.

    ``file_schema`` describes the records as they lie on disk, ``schema`` as the domain prepares
    them; both have the unit of the configuration.
    """

    domain: Domain
    file_schema: Schema
    schema: Schema
    constraints: tuple[Constraint, ...]
    tasks: tuple[Task, ...]

    @property
    def table(self) -> Table:
        """The one table of the corpus."""
        return self.schema.tables[0]

    @property
    def derived(self) -> tuple[Derived, ...]:
        """Columns that are computed and not modelled."""
        return tuple(constraint for constraint in self.constraints if isinstance(constraint, Derived))


@dataclass(frozen=True, eq=False, kw_only=True)
class Records:
    """The units of a source: those that are learned from, and those that nothing learns from."""

    train: UnitFrame
    holdout: UnitFrame


def declare(config: Config) -> Declaration:
    """Check all that can be checked without records: schema, unit, tasks, constraints.

    Raises ``ConfigurationError`` or ``SchemaError``.
    """
    domain = domain_named(config.domain)
    if config.schema is not None:
        schema = read_schema(config.schema)
    else:
        found = domain.schema()
        if found is None:
            raise ConfigurationError(
                f"{config.path}: domain {config.domain!r} has no simulator and no schema of its own; "
                "give source.path and schema"
            )
        schema = found
    if config.privacy is not None and config.source.path is not None:
        check_private(config.source.path, schema, accepted=config.source.learned_cleaning, where=str(config.path))
    declaration = declared_for(domain, schema, config.unit, where=f"{config.path}: unit")
    own = with_table(config.tasks, declaration.table.name)
    for index, task in enumerate(own):
        _check_task(task, declaration.schema, f"{config.path}: tasks.{index}")
    named = {task.name for task in own}
    inherited = tuple(task for task in declaration.tasks if task.name not in named)
    return dataclasses.replace(declaration, tasks=own + inherited)


def declared_for(domain: Domain, schema: Schema, unit: str | None, *, where: str) -> Declaration:
    """The declaration of a schema in a domain, with the unit that was named; ``None`` takes the schema's."""
    file_schema = with_unit(one_table(schema), unit, where)
    # What the domain makes of the layout must follow from the layout: it is asked without records.
    empty = Corpus(file_schema, {table.name: _empty(table) for table in file_schema.tables})
    prepared = one_table(domain.prepare(empty).schema)
    constraints = tuple(domain.constraints(prepared))
    return Declaration(
        domain=domain,
        file_schema=file_schema,
        schema=prepared,
        constraints=constraints,
        tasks=tuple(domain.tasks(prepared)),
    )


def one_table(schema: Schema) -> Schema:
    """The schema, if it has one table; ``SchemaError`` otherwise."""
    if len(schema.tables) != 1:
        names = ", ".join(table.name for table in schema.tables)
        raise ConfigurationError(
            f"the schema has {len(schema.tables)} tables ({names}); this version learns one table at a time: "
            "give a schema with the one that is to be released"
        )
    return schema


def with_unit(schema: Schema, unit: str | None, where: str) -> Schema:
    """The schema with its table's unit as it was named outright; what the schema says must not differ."""
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


def read_records(config: Config, declaration: Declaration, key: bytes, reporter: Reporter) -> Records:
    """Read, prepare, split by keyed hash, and leave out the rows above the declared cap.

    Raises ``DataError``, on one line, for records that cannot be used.
    """
    units = by_unit(declaration.table, read_frame(config, declaration, reporter))
    if config.holdout.path is not None:
        train, holdout = units, units_at(config.holdout.path, declaration)
        _check_apart(train, holdout)
    else:
        train, holdout = units.split(key, config.holdout.fraction or 0.0)
    for role, part in (("train on", train), ("hold out", holdout)):
        if len(part) < LEAST_UNITS:
            raise DataError(
                f"source {config.source.id!r} leaves {len(part)} units to {role}; at least {LEAST_UNITS} are needed: "
                "give more records, or another holdout"
            )
    if config.privacy is not None:
        train, holdout = (part.capped(key, config.privacy.rows) for part in (train, holdout))
    return Records(train=train, holdout=holdout)


def read_frame(config: Config, declaration: Declaration, reporter: Reporter) -> pd.DataFrame:
    """The records of the source, as the domain prepares them."""
    simulation = config.source.simulation
    if simulation is not None:
        corpus = declaration.domain.simulate(simulation.units, seed=simulation.seed, reporter=reporter)
        corpus = Corpus(declaration.file_schema, corpus.tables)
    else:
        assert config.source.path is not None
        corpus = read_corpus(declaration.file_schema, config.source.path)
    return _prepared(corpus, declaration)


def units_at(path: Path, declaration: Declaration, *, prepare: bool = True) -> UnitFrame:
    """The units of records at a path; ``prepare`` is false for a corpus that is in the prepared form already."""
    if not prepare:
        corpus = read_corpus(declaration.schema, path)
        return by_unit(declaration.table, corpus.tables[declaration.table.name])
    return by_unit(declaration.table, _prepared(read_corpus(declaration.file_schema, path), declaration))


def _prepared(corpus: Corpus, declaration: Declaration) -> pd.DataFrame:
    prepared = declaration.domain.prepare(corpus)
    if prepared.schema != declaration.schema:
        raise DataError(
            f"domain {declaration.domain.name!r} made a schema that depends on records; a domain's prepare "
            "must give the same schema for all records"
        )
    return prepared.tables[declaration.table.name]


def _check_apart(train: UnitFrame, holdout: UnitFrame) -> None:
    """A unit that is trained on must not stand in the holdout; rows without a name may be equal by chance."""
    table = train.table
    if table.unit is None and table.primary_key is None:
        return
    both = set(train.units) & set(holdout.units)
    if both:
        raise DataError(
            f"{len(both)} units stand in source.path and in holdout.path, such as {min(both)!r}; a holdout has units "
            "that nothing learns from"
        )


def _check_task(task: Task, schema: Schema, where: str) -> None:
    if task.table != schema.tables[0].name:
        raise ConfigurationError(f"{where}.table is {task.table!r}; the schema has {schema.tables[0].name!r}")
    names = schema.tables[0].names
    columns: Sequence[tuple[str, Sequence[str]]] = (
        ("target", [task.target]),
        ("features", task.features or ()),
        ("excluded", task.excluded),
    )
    for key, given in columns:
        for column in given:
            if column not in names:
                raise ConfigurationError(f"{where}.{key} has {column!r}; it must be a column: {', '.join(names)}")


def _empty(table: Table) -> pd.DataFrame:
    return pd.DataFrame({column.name: pd.Series([], dtype=DTYPES[column.kind]) for column in table.columns})
