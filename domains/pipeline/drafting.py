"""A first schema, drafted from files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from shared.corpus.folders import writing
from shared.corpus.inference import infer_schema
from shared.corpus.schema import Schema
from shared.corpus.schema_file import schema_to_yaml
from shared.errors import OutputError

_COMMENT = """\
A draft. What stands under 'learned' was read off records: check it, and take the mark off what you know from elsewhere.
Using learned values in a private run costs budget, or is refused. Name the unit of privacy under 'unit'."""


def draft_schema(files: Sequence[Path], out: Path) -> Schema:
    """Infer a schema and write it to ``out``, a file that must not exist; nothing is left if that fails."""
    if out.exists():
        raise OutputError(f"{out} exists already; name a new file")
    schema = infer_schema(files)
    partial = out.with_name(f".{out.name}.partial")
    with writing(out):
        try:
            partial.write_text(schema_to_yaml(schema, comment=_COMMENT), encoding="utf-8")
            os.link(partial, out)  # unlike a rename, it never replaces a file that came meanwhile
        finally:
            partial.unlink(missing_ok=True)
    return schema
