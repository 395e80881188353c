"""A corpus from one place to another, checked on the way."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from domains.pipeline.cleaning_marker import learned_rules
from shared.corpus.databases.urls import is_database_url
from shared.corpus.keys import KeyTally
from shared.corpus.schema_file import read_schema
from shared.corpus.sources import checked_chunks, open_source_corpus
from shared.corpus.targets import open_target_corpus
from shared.errors import ConfigurationError
from shared.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Copied:
    """Rows of each table, and rows whose foreign key points nowhere, by ``table.column``."""

    rows: dict[str, int]
    dangling: dict[str, int]


def copy_corpus(
    source: Path | str, target: Path | str, *, schema: Path, reporter: Reporter, replace: bool = False
) -> Copied:
    """Copy the tables of a schema in chunks; memory grows by some eight bytes a row with a key. Whole or not at all.

    Rows whose foreign key points nowhere are counted, and copied where the target allows them: a
    folder does, a database that holds the key does not.
    """
    declared = read_schema(schema)
    if learned_rules(source, declared):
        if is_database_url(target):
            raise ConfigurationError(
                f"{source} was cleaned by rules that were learned from its records, and {target} keeps no mark of "
                "that, which a private run heeds; copy it into a folder"
            )
        declared = dataclasses.replace(declared, cleaning="learned")  # the copy's schema goes on saying so
    tally, rows = KeyTally(declared), dict.fromkeys((table.name for table in declared.tables), 0)
    with (
        open_source_corpus(declared, source) as tables,
        open_target_corpus(declared, target, replace=replace) as writer,
        reporter.stage("copying", len(declared.tables)) as stage,
    ):
        for name in rows:
            for frame in checked_chunks(tables, name):
                writer.write(name, frame)
                tally.add(name, frame)
                rows[name] += len(frame)
            stage.advance()
    return Copied(rows=rows, dangling=tally.dangling())
