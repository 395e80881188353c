"""SDMetrics' quality and diagnostic scores: for comparison with what other tools report, never for the gate."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import PARTS, Comparison, Part
from evaluation.fidelity.sdmetrics import reports
from evaluation.fidelity.sdmetrics.metadata import as_text, metadata_of
from evaluation.score import Score
from evaluation.statistics import jackknife_interval
from shared.errors import ConfigurationError

GROUPS = 6
_LIMIT = 1_800  # seconds


def sdmetrics_scores(data: Comparison, python: Path, *, seed: int) -> tuple[Score, Score]:
    """SDMetrics' quality and diagnostic score of the synthetic rows against train.

    The baseline is the same score of the holdout; the interval is a jackknife over groups of units, left out on both
    sides. At most ``effort.two_sample_rows`` rows of each part are compared. ``detail`` has SDMetrics' own
    properties and columns, and its version. ``python`` runs SDMetrics; raises ``ConfigurationError`` where it cannot.
    Rows reach it through a pipe: nothing is written.
    """
    rows: dict[Part, NDArray[np.int64]] = {
        part: data.sample_rows(part, data.effort.two_sample_rows, seed=seed, consumer="sdmetrics") for part in PARTS
    }
    frames = {part: data.part(part).frame.iloc[some] for part, some in rows.items()}
    answer = _asked(
        python,
        {
            "metadata": metadata_of(data.columns),
            "tables": {part: as_text(data.columns, frame) for part, frame in frames.items()},
            "pairs": [_pair("synthetic"), _pair("holdout"), *_without_groups(data, rows)],
        },
    )
    own, holdout, *without = answer["answers"]
    return (
        _score("quality", own, holdout, without, answer["version"]),
        _score("diagnostic", own, holdout, without, answer["version"]),
    )


def _pair(synthetic: str, real_rows: list[int] | None = None, rows: list[int] | None = None) -> dict[str, Any]:
    return {"real": "train", "synthetic": synthetic, "real_rows": real_rows, "synthetic_rows": rows}


def _without_groups(data: Comparison, rows: dict[Part, NDArray[np.int64]]) -> list[dict[str, Any]]:
    """Train against synthetic with one group of units left out on either side."""
    real, synthetic = (data.unit_of_row[part][some] % GROUPS for part, some in rows.items() if part != "holdout")
    return [
        _pair("synthetic", np.flatnonzero(real != group).tolist(), np.flatnonzero(synthetic != group).tolist())
        for group in range(GROUPS)
    ]


def _score(name: str, own: dict[str, Any], holdout: dict[str, Any], without: list[Any], version: str) -> Score:
    value = own[name]["score"]
    return Score(
        name=f"SDMetrics {name}",
        value=value,
        interval=jackknife_interval(value, [one[name]["score"] for one in without]),
        baseline=holdout[name]["score"],
        detail={
            "version": version,
            "properties": own[name]["properties"],
            "columns": {column: score for column, score in own[name]["columns"].items() if not math.isnan(score)},
        },
    )


def _asked(python: Path, question: dict[str, Any]) -> dict[str, Any]:
    """What SDMetrics answers, in isolated mode: paths that point to our packages are not for its interpreter."""
    command = [str(python), "-I", str(Path(reports.__file__))]
    try:
        done = subprocess.run(
            command, input=json.dumps(question), capture_output=True, text=True, timeout=_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"SDMetrics did not run with {python}: {error}; name another python") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ConfigurationError(
            f"SDMetrics did not run with {python}, which said {said!r}; install sdmetrics there or name another python"
        )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
