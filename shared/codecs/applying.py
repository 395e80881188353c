"""Columns that say something in some rows only, in terms of codes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from shared.codecs.contract import Codec
from shared.corpus.corpus import DTYPES
from shared.engines.encoded import Applies
from shared.errors import SchemaError


def applies_of(codecs: Mapping[str, Codec], names: Mapping[str, tuple[str, ...]]) -> tuple[Applies, ...]:
    """What :class:`~shared.corpus.schema.OnlyWhere` says of the columns, for their code columns ``names``.

    Raises ``SchemaError`` for a column that depends on one whose values have no codes of their own.
    """
    found = []
    for name, codec in codecs.items():
        where = codec.column.only_where
        if where is None:
            continue
        blanks = codec.encode(pd.Series([None], dtype=DTYPES[codec.column.kind], name=name))[0]
        by, codes = None, tuple[int, ...]()
        if where.column is not None:
            by, codes = where.column, _codes(codecs, where.column, where.values)
        for place, (label, blank) in enumerate(zip(names[name], blanks.tolist(), strict=True)):
            # Only the first of several code columns has a code of its own for missing.
            required = where.required and place == 0
            found.append(Applies(label, blank, by, codes, first_row=where.first_row, required=required))
    return tuple(found)


def _codes(codecs: Mapping[str, Codec], column: str, values: tuple[str, ...]) -> tuple[int, ...]:
    meant = codecs[column].codes_of(frozenset(values)) if column in codecs else ()
    if len(meant) != 1 or set(meant[0]) != {0} or len(codecs[column].sizes) != 1:
        raise SchemaError(f"column {column!r} cannot say in which rows others apply; declare its few categories")
    return tuple(sorted(meant[0][0]))
