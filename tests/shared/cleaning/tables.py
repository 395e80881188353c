"""Small tables of text, and what finders say of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from shared.cleaning.impossible import Finder
from shared.cleaning.plan import Step, carry_out
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import Column, Schema, Table


def corpus_of(columns: Sequence[Column], rows: dict[str, list[str | None]], **roles: object) -> TextCorpus:
    """A corpus of one table ``t``."""
    table = Table(name="t", columns=tuple(columns), **roles)  # type: ignore[arg-type]
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in rows.items()})
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return TextCorpus(Schema(tables=(table,)), {"t": frame})


def found(finder: Finder, corpus: TextCorpus) -> list[Step]:
    """What a finder proposes for the one table."""
    return finder(corpus, corpus.schema.tables[0])


def mended(finder: Finder, corpus: TextCorpus, column: str) -> list[str | None]:
    """A column after every enabled proposal of a finder."""
    for step in found(finder, corpus):
        if step.enabled:
            corpus, _ = carry_out(corpus, step)
    values = corpus.tables["t"][column].astype(object)
    return values.where(values.notna(), None).tolist()
