"""The records of a run as units: read, prepared, split by keyed hash, surplus rows left out.

A corpus of one table is read in chunks and may be larger than memory. Several tables are read whole, since the rows
of a unit lie scattered over them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from domains.pipeline.config import Config, Simulation
from domains.pipeline.declaring import Declaration, Records
from evaluation.comparison import LEAST_UNITS
from shared.corpus.corpus import Corpus
from shared.corpus.joining import joined_views
from shared.corpus.schema import Schema
from shared.corpus.scratch import Scratch
from shared.corpus.sources import checked_chunks, open_source_corpus, read_source
from shared.corpus.timeline import dated, timed
from shared.corpus.unit_store import UnitCollector, common_names
from shared.corpus.units import UnitFrame, Units, by_unit
from shared.corpus.whole_units import whole_units
from shared.errors import DataError
from shared.training.reporter import Reporter


def read_records(
    config: Config, declaration: Declaration, key: bytes, scratch: Scratch, reporter: Reporter
) -> dict[str, Records]:
    """The records of each table: read, prepared, split by keyed hash, rows above the declared cap left out.

    What becomes of a unit depends on the unit and the key alone, not on how the records are cut into chunks.
    Raises ``DataError``, on one line, for records that cannot be used.
    """
    read = _read_table if len(declaration.tables) == 1 else _read_tables
    records = read(config, declaration, key, scratch, reporter)
    if config.holdout.path is not None:
        _check_apart(records[declaration.tables[0].name])
    for name, found in records.items():
        for role, units in (("train on", found.train), ("hold out", found.holdout)):
            if len(units) < LEAST_UNITS:
                raise DataError(
                    f"source {config.source.id!r} leaves {len(units)} units of table {name!r} to {role}; at least "
                    f"{LEAST_UNITS} are needed: give more records, or another holdout"
                )
    return records


def _read_table(
    config: Config, declaration: Declaration, key: bytes, scratch: Scratch, reporter: Reporter
) -> dict[str, Records]:
    table = declaration.only
    cap = None if config.privacy is None else config.privacy.rows_of(table.name)
    train, holdout = (UnitCollector(table.table, scratch, role) for role in ("train", "holdout"))
    with reporter.stage("reading", 0) as stage:
        for part in _prepared(_source_frames(config, declaration, reporter), declaration, scratch):
            for collector, units in zip((train, holdout), part.split(key, config.holdout.fraction or 0.0), strict=True):
                collector.add(units if cap is None else units.capped(key, cap))
            stage.advance(part.rows)
    records = Records(train=train.done(), holdout=holdout.done())
    if config.holdout.path is not None:
        held = UnitCollector(table.table, scratch, "holdout")
        for part in _prepared(_frames(config.holdout.path, declaration.file_schema), declaration, scratch):
            held.add(part if cap is None else part.capped(key, cap))
        records = dataclasses.replace(records, holdout=held.done())
    return {table.name: records}


def _read_tables(
    config: Config, declaration: Declaration, key: bytes, scratch: Scratch, reporter: Reporter
) -> dict[str, Records]:
    del scratch
    most = declaration.most_rows
    with reporter.stage("reading", 1) as stage:
        if config.source.simulation is not None:
            corpus = _simulated(config.source.simulation, declaration, reporter)
        else:
            assert config.source.path is not None
            corpus = read_source(declaration.file_schema, config.source.path)
        everyone = _joined(_prepare(declaration, corpus), declaration, most, key)
        apart = None
        if config.holdout.path is not None:
            held = read_source(declaration.file_schema, config.holdout.path)
            apart = _joined(_prepare(declaration, held), declaration, most, key)
        stage.advance()
    records = {}
    for name, units in everyone.items():
        train, holdout = units.split(key, config.holdout.fraction or 0.0)
        records[name] = Records(train=train, holdout=holdout if apart is None else apart[name])
    return records


def units_at(
    path: Path | str, declaration: Declaration, scratch: Scratch, *, prepare: bool = True
) -> Mapping[str, Units]:
    """The units of each table of records at a path.

    ``prepare`` is false for a corpus that is in the prepared form already.
    """
    schema = declaration.file_schema if prepare else declaration.schema
    if len(declaration.tables) > 1:
        corpus = read_source(schema, path)
        return _joined(_prepare(declaration, corpus) if prepare else corpus, declaration, None, b"")
    table = declaration.only
    units = UnitCollector(table.table, scratch, "units")
    for part in _prepared(_frames(path, schema), declaration, scratch, prepare=prepare):
        units.add(part)
    return {table.name: units.done()}


def _joined(
    corpus: Corpus, declaration: Declaration, most: Mapping[str, int] | None, key: bytes
) -> dict[str, UnitFrame]:
    views = [table.view for table in declaration.tables]
    units = joined_views(views, dated(corpus).tables, most=most, key=key)
    for view in views:
        if view.source.name in {timeline.name for timeline in declaration.schema.timelines}:
            assert view.parent is not None
            found = units[view.source.name]
            # Times between events are counted now: rows above the cap are gone.
            frame = timed(view.source, found.frame, found.frame[view.keys[view.parent.table]])
            units[view.source.name] = dataclasses.replace(found, frame=frame)
    return units


def _source_frames(config: Config, declaration: Declaration, reporter: Reporter) -> Iterator[pd.DataFrame]:
    """The records of the source in chunks."""
    if config.source.simulation is None:
        assert config.source.path is not None
        yield from _frames(config.source.path, declaration.file_schema)
        return
    corpus = _simulated(config.source.simulation, declaration, reporter)
    yield corpus.tables[declaration.file_schema.tables[0].name]


def _simulated(simulation: Simulation, declaration: Declaration, reporter: Reporter) -> Corpus:
    return declaration.domain.simulate(
        simulation.units, seed=simulation.seed, reporter=reporter, layout=simulation.layout
    )


def _frames(location: str | Path, schema: Schema) -> Iterator[pd.DataFrame]:
    with open_source_corpus(schema, location) as source:
        yield from checked_chunks(source, schema.tables[0].name)


def _prepared(
    frames: Iterator[pd.DataFrame], declaration: Declaration, scratch: Scratch, *, prepare: bool = True
) -> Iterator[UnitFrame]:
    """Records as the domain prepares them, in parts of whole units."""
    schema, table = declaration.file_schema if prepare else declaration.schema, declaration.only
    name = schema.tables[0].name
    for frame in whole_units(schema.tables[0], frames, scratch):
        if prepare:
            frame = _prepare(declaration, Corpus(schema, {name: frame})).tables[table.name]
        yield by_unit(table.table, frame)


def _prepare(declaration: Declaration, corpus: Corpus) -> Corpus:
    prepared = declaration.domain.prepare(corpus)
    if prepared.schema != declaration.schema:
        raise DataError(
            f"domain {declaration.domain.name!r} made a schema that depends on records; a domain's prepare "
            "must give the same schema for all records"
        )
    return prepared


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
