"""A corpus in memory: a schema and one frame a table.

The columns of a frame have these pandas types, whatever file they came from:

=============  ===========================================
kind           dtype
=============  ===========================================
categorical    ``str`` (missing: NaN)
identifier     ``str``
integer        ``Int64``
real           ``float64``
boolean        ``boolean``
datetime       ``datetime64[us]`` (missing: NaT)
date           ``datetime64[us]``, at midnight
=============  ===========================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from shared.corpus.schema import Kind, Schema
from shared.errors import DataError

DTYPES: Mapping[Kind, str] = {
    "categorical": "str",
    "identifier": "str",
    "text": "str",
    "integer": "Int64",
    "real": "float64",
    "boolean": "boolean",
    "datetime": "datetime64[us]",
    "date": "datetime64[us]",
}


@dataclass(frozen=True, eq=False)
class Corpus:
    """A schema and its tables; ``tables`` has one frame for each table of the schema."""

    schema: Schema
    tables: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        for table in self.schema.tables:
            if table.name not in self.tables:
                raise DataError(
                    f"table {table.name!r} of the schema has no records; there are {', '.join(self.tables)}"
                )
            frame = self.tables[table.name]
            if tuple(frame.columns) != table.names:
                raise DataError(
                    f"table {table.name!r} has columns {', '.join(map(str, frame.columns))}, "
                    f"but the schema declares {', '.join(table.names)}"
                )
