"""What de-identification makes of a unit does not depend on other units."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from domains.pipeline.deidentifying import deidentify
from privacy.deidentification.surrogates import Dates
from shared.training.reporter import SilentReporter

SCHEMA = """\
name: stays
tables:
- name: stays
  unit: pid
  columns:
  - {name: pid, kind: identifier}
  - {name: born, kind: date}
  - {name: seen, kind: datetime}
"""
MINE = "P1,1980-01-05,2020-03-04 00:00:00"


def line_of_the_first(folder: Path, others: str, dates: Dates) -> str:
    """The row of ``P1`` as it was written, after the same key, beside others."""
    folder.mkdir()
    (folder / "schema.yaml").write_text(SCHEMA)
    (folder / "stays").mkdir()
    (folder / "stays" / "stays.csv").write_text(f"pid,born,seen\n{MINE}\n{others}\n")
    out = folder / "out"
    deidentify(
        folder / "stays", schema=folder / "schema.yaml", out=out, declared={}, dates=dates,
        now=datetime(2026, 11, 25, tzinfo=UTC), reporter=SilentReporter(), key=b"0123456789abcdef",
    )  # fmt: skip
    return (out / "stays.csv").read_text().splitlines()[1]


@pytest.mark.parametrize("dates", ["years", "shifted"])
@pytest.mark.parametrize("other", ["P2,1970-02-01,2021-05-06 13:45:10", "P2,,", "P2,1899-12-31,2021-05-06 00:00:00"])
def test_another_unit_changes_nothing_of_a_unit(tmp_path: Path, other: str, dates: Dates) -> None:
    usual = line_of_the_first(tmp_path / "one", "P2,1990-01-01,2021-05-06 00:00:00", dates)
    assert line_of_the_first(tmp_path / "two", other, dates) == usual
