"""A first schema, drafted from files or from the catalogue of a database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from shared.corpus.databases.catalogue import draft_from_database
from shared.corpus.databases.urls import is_database_url
from shared.corpus.folders import writing
from shared.corpus.inference import infer_schema
from shared.corpus.schema import Schema
from shared.corpus.schema_file import schema_to_yaml
from shared.corpus.store_paths import as_file
from shared.errors import ConfigurationError, OutputError

_COMMENT = """\
A draft. What stands under 'learned' was read off records: check it, and take the mark off what you know from elsewhere.
Using learned values in a private run costs budget, or is refused. Name the unit of privacy under 'unit'."""


_CATALOGUE_COMMENT = """\
A draft of what the database declares; no record was read. Add what you know besides: bounds, categories, and the unit
of privacy under 'unit'."""


def draft_schema(sources: Sequence[Path | str], out: Path) -> Schema:
    """Draft a schema from files, or from the one database whose URL is given.

    It goes to ``out``, a file that must not exist; nothing is left if that fails.
    """
    _check_new(out)
    databases = [source for source in sources if is_database_url(source)]
    if databases and len(sources) > 1:
        raise ConfigurationError("give files, or the URL of one database; not both, nor several")
    if databases:
        schema, comment = draft_from_database(str(databases[0])), _CATALOGUE_COMMENT
    else:
        schema, comment = infer_schema([as_file(source) for source in sources]), _COMMENT
    write_new(out, schema_to_yaml(schema, comment=comment))
    return schema


def write_new(out: Path, text: str) -> None:
    """Write a file that must not exist yet, whole or not at all; raises ``OutputError``."""
    _check_new(out)
    partial = out.with_name(f".{out.name}.partial")
    with writing(out):
        try:
            partial.write_text(text, encoding="utf-8")
            os.link(partial, out)  # unlike a rename, it never replaces a file that came meanwhile
        finally:
            partial.unlink(missing_ok=True)


def _check_new(out: Path) -> None:
    if out.exists():
        raise OutputError(f"{out} exists already; name a new file")
