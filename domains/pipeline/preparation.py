"""From a configuration to units that can be trained on: what is declared first, records after."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
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
from shared.corpus.schema import Schema, Table
from shared.corpus.schema_file import read_schema
from shared.corpus.scratch import Scratch
from shared.corpus.sources import checked_chunks, open_source_corpus
from shared.corpus.unit_store import UnitCollector, common_names
from shared.corpus.units import UnitFrame, Units, by_unit
from shared.corpus.whole_units import whole_units
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


def read_records(config: Config, declaration: Declaration, key: bytes, scratch: Scratch, reporter: Reporter) -> Records:
    """Read, prepare, split by keyed hash, and leave out the rows above the declared cap.

    What becomes of a unit depends on the unit and the key alone, not on how the records are cut into chunks.
    Raises ``DataError``, on one line, for records that cannot be used.
    """
    cap = None if config.privacy is None else config.privacy.rows
    train, holdout = (UnitCollector(declaration.table, scratch, role) for role in ("train", "holdout"))
    with reporter.stage("reading", 0) as stage:
        for part in _prepared(_source_frames(config, declaration, reporter), declaration, scratch):
            for collector, units in zip((train, holdout), part.split(key, config.holdout.fraction or 0.0), strict=True):
                collector.add(units if cap is None else units.capped(key, cap))
            stage.advance(part.rows)
    records = Records(train=train.done(), holdout=holdout.done())
    if config.holdout.path is not None:
        held = UnitCollector(declaration.table, scratch, "holdout")
        for part in _prepared(_frames(config.holdout.path, declaration.file_schema), declaration, scratch):
            held.add(part if cap is None else part.capped(key, cap))
        records = dataclasses.replace(records, holdout=held.done())
        _check_apart(records)
    for role, found in (("train on", records.train), ("hold out", records.holdout)):
        if len(found) < LEAST_UNITS:
            raise DataError(
                f"source {config.source.id!r} leaves {len(found)} units to {role}; at least {LEAST_UNITS} are needed: "
                "give more records, or another holdout"
            )
    return records


def units_at(path: Path | str, declaration: Declaration, scratch: Scratch, *, prepare: bool = True) -> Units:
    """The units of records at a path; ``prepare`` is false for a corpus that is in the prepared form already."""
    schema = declaration.file_schema if prepare else declaration.schema
    units = UnitCollector(declaration.table, scratch, "units")
    for part in _prepared(_frames(path, schema), declaration, scratch, prepare=prepare):
        units.add(part)
    return units.done()


def _source_frames(config: Config, declaration: Declaration, reporter: Reporter) -> Iterator[pd.DataFrame]:
    """The records of the source in chunks."""
    simulation = config.source.simulation
    if simulation is None:
        assert config.source.path is not None
        yield from _frames(config.source.path, declaration.file_schema)
        return
    corpus = declaration.domain.simulate(simulation.units, seed=simulation.seed, reporter=reporter)
    yield corpus.tables[declaration.file_schema.tables[0].name]


def _frames(location: str | Path, schema: Schema) -> Iterator[pd.DataFrame]:
    with open_source_corpus(schema, location) as source:
        yield from checked_chunks(source, schema.tables[0].name)


def _prepared(
    frames: Iterator[pd.DataFrame], declaration: Declaration, scratch: Scratch, *, prepare: bool = True
) -> Iterator[UnitFrame]:
    """Records as the domain prepares them, in parts of whole units."""
    schema = declaration.file_schema if prepare else declaration.schema
    name = schema.tables[0].name
    for frame in whole_units(schema.tables[0], frames, scratch):
        if prepare:
            prepared = declaration.domain.prepare(Corpus(schema, {name: frame}))
            if prepared.schema != declaration.schema:
                raise DataError(
                    f"domain {declaration.domain.name!r} made a schema that depends on records; a domain's prepare "
                    "must give the same schema for all records"
                )
            frame = prepared.tables[declaration.table.name]
        yield by_unit(declaration.table, frame)


def _check_apart(records: Records) -> None:
    """A unit that is trained on must not stand in the holdout; rows without a name may be equal by chance."""
    table = records.train.table
    if table.unit is None and table.primary_key is None:
        return
    both = common_names(records.train, records.holdout)
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
