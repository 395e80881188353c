"""Frames of every kind with missing values, for tests of what is written and read back."""

from datetime import datetime

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column, Schema, Table

MISSING = ("NA", "?")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
WORDS = (
    TEXT | st.sampled_from(["None", "nan", "null", "", "a,b", 'a"b', '"', "a\nb", "a\r\nb", "\r", "0", "007", "1.0"])
).filter(lambda word: word not in MISSING and word == word.strip(" \t"))
YEARS = (datetime(1, 1, 1), datetime(9999, 12, 31))
VALUES = {
    "categorical": WORDS,
    "identifier": WORDS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.datetimes(*YEARS).map(lambda stamp: stamp.replace(hour=0, minute=0, second=0, microsecond=0)),
    "datetime": st.datetimes(*YEARS),
}
KINDS = tuple(VALUES)


def column(kind, values):
    return pd.Series(np.array(values, dtype=object), name=kind).where(pd.notna(values), None).astype(DTYPES[kind])


@st.composite
def frames(draw, kinds=KINDS):
    rows = draw(st.integers(1, 6))
    return pd.DataFrame(
        {kind: column(kind, draw(st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows))) for kind in kinds}
    )


def schema_of(frame, format, **extra):
    columns = tuple(Column(name=kind, kind=kind, **extra.get(kind, {})) for kind in frame.columns)
    return Schema(tables=(Table(name="t", columns=columns, format=format, missing=MISSING),))
