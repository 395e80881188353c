"""Parquet beside the layout of the input: what the hub, Croissant's readers and most notebooks load as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from shared.corpus.folders import writing
from shared.corpus.locating import find_files
from shared.corpus.reading import iterate_table
from shared.corpus.schema import Format, Schema
from shared.corpus.writing import CorpusWriter
from shared.training.reporter import Reporter

PARQUET = "parquet"


def parquet_files(schema: Schema, folder: Path, reporter: Reporter) -> dict[str, str]:
    """The Parquet file of each table, relative to ``folder``, which holds the corpus and its ``schema.yaml``.

    Where each table is one Parquet file already, these are they. Otherwise a copy of the corpus is written to
    ``parquet/`` in ``folder``, chunk by chunk: memory does not grow with the tables.
    """
    found = find_files(schema, folder)
    files = {name: [path for path in parts if isinstance(path, Path)] for name, parts in found.items()}
    if all(len(files[table.name]) == 1 and files[table.name][0].suffix == ".parquet" for table in schema.tables):
        return {name: paths[0].relative_to(folder).as_posix() for name, paths in files.items()}
    return _copied(schema, files, folder, reporter)


def _copied(schema: Schema, files: Mapping[str, list[Path]], folder: Path, reporter: Reporter) -> dict[str, str]:
    tables = tuple(dataclasses.replace(table, format=Format(kind="parquet")) for table in schema.tables)
    place = folder / PARQUET
    if any(table.name == PARQUET for table in tables):
        place = folder / f"{PARQUET}-files"  # a folder of that name would be taken for parts of the table
    with writing(place):
        place.mkdir()
    with (
        reporter.stage("writing Parquet", len(tables)) as stage,
        CorpusWriter(dataclasses.replace(schema, tables=tables), place) as writer,
    ):
        for table in schema.tables:
            for chunk in iterate_table(table, files[table.name]):
                writer.write(table.name, chunk)
            stage.advance()
    return {table.name: (place / writer.path(table.name).name).relative_to(folder).as_posix() for table in tables}
