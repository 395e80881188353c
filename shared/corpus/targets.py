"""A corpus to wherever it shall lie: folders or databases, behind one writer of frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pandas as pd

from shared.corpus.corpus import Corpus
from shared.corpus.databases.duckdb_writing import DuckdbWriter
from shared.corpus.databases.urls import DatabaseUrl, is_database_url
from shared.corpus.databases.writing import DatabaseWriter
from shared.corpus.folders import fresh_folder
from shared.corpus.schema import Schema
from shared.corpus.store_corpora import store_corpus
from shared.corpus.store_paths import StorePath, as_file
from shared.corpus.writing import CorpusWriter
from shared.errors import ConfigurationError


class Writer(Protocol):
    """Takes the chunks of the tables of a corpus."""

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Append the rows of ``frame`` to a table; its columns are those of the schema, in order."""
        ...


@contextmanager
def open_target_corpus(schema: Schema, location: str | Path, *, replace: bool = False) -> Iterator[Writer]:
    """A writer of a corpus to a new folder, or the URL of a database or of a free place in an object store.

    The corpus is there when the block ends without an exception, whole, and else nothing of it is.
    ``replace`` takes tables of a database that stand in the way; nothing else is ever replaced.

    Raises ``OutputError`` for a place that is taken, cannot be reached, or refuses.
    """
    if is_database_url(location):
        url = DatabaseUrl.parse(str(location))
        kind = DuckdbWriter if url.dialect == "duckdb" else DatabaseWriter
        with kind(schema, url, replace=replace) as writer:
            yield writer
        return
    if replace:
        raise ConfigurationError(f"{location}: only tables of a database can be replaced; remove the folder yourself")
    place = as_file(location)
    if isinstance(place, StorePath):
        with store_corpus(schema, place) as sent:
            yield sent
        return
    with fresh_folder(place) as folder, CorpusWriter(schema, folder) as files:
        yield files


def write_target(corpus: Corpus, location: str | Path, *, replace: bool = False) -> None:
    """Write a whole corpus (see :func:`open_target_corpus`)."""
    with open_target_corpus(corpus.schema, location, replace=replace) as writer:
        for table in corpus.schema.tables:
            writer.write(table.name, corpus.tables[table.name])
