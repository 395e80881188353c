from __future__ import annotations

import pandas as pd
import pytest

from domains.plain import PlainDomain
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, Schema, Table
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter

SCHEMA = Schema(tables=(Table(name="t", columns=(Column(name="x", kind="integer"),)),))


def test_plain_knows_nothing_beyond_the_schema() -> None:
    domain = PlainDomain()
    assert domain.schema() is None
    assert list(domain.constraints(SCHEMA)) == []
    assert list(domain.tasks(SCHEMA)) == []


def test_prepare_leaves_records_as_they_are() -> None:
    corpus = Corpus(SCHEMA, {"t": pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int64")})})
    pd.testing.assert_frame_equal(PlainDomain().prepare(corpus).tables["t"], corpus.tables["t"])


def test_simulate_says_that_there_is_no_simulator() -> None:
    with pytest.raises(ConfigurationError, match="domain 'plain' has no simulator; give records under source.path"):
        PlainDomain().simulate(10, seed=1, reporter=SilentReporter())
