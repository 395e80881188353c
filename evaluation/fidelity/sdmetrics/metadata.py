"""A table of ours as SDV's metadata describe it, and its rows as text that any pandas reads alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from shared.corpus.schema import NUMERIC, Column
from shared.corpus.values import to_numbers, to_text

_SDTYPES = {
    "categorical": "categorical",
    "boolean": "boolean",
    "integer": "numerical",
    "real": "numerical",
    "date": "datetime",
    "datetime": "datetime",
}
_TIME = "%Y-%m-%d %H:%M:%S.%f"


def metadata_of(columns: Sequence[Column]) -> dict[str, Any]:
    """SDV's metadata of one table (``SingleTableMetadata``, version 1) for columns other than identifiers."""
    described: dict[str, dict[str, str]] = {}
    for column in columns:
        described[column.name] = {"sdtype": _SDTYPES[column.kind]}
        if column.kind in ("date", "datetime"):
            described[column.name]["datetime_format"] = _TIME
    return {"METADATA_SPEC_VERSION": "SINGLE_TABLE_V1", "columns": described}


def as_text(columns: Sequence[Column], frame: pd.DataFrame) -> str:
    """The rows as CSV: numbers in full precision, times in ISO 8601, nothing where there is no value."""
    texts = {}
    for column in columns:
        values = frame[column.name]
        if column.kind in ("date", "datetime"):
            texts[column.name] = pd.to_datetime(values).dt.strftime(_TIME)
        elif column.kind in NUMERIC:
            texts[column.name] = pd.Series(to_numbers(values, column))
        else:
            texts[column.name] = to_text(values)
    return pd.DataFrame({name: np.asarray(text, dtype=object) for name, text in texts.items()}).to_csv(index=False)
