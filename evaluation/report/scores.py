"""Scores as JSON values, for ``internal/scores.json``, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from evaluation.evaluation import ConstraintRate, Evaluation
from evaluation.report.values import plain_values
from evaluation.score import Score
from shared.errors import DataError

CHAPTERS = (
    ("fidelity", "Fidelity", "Do the synthetic data look like the real ones?"),
    ("utility", "Utility", "Can one work with them?"),
    ("leakage", "Leakage", "Do they give away who was in the training data?"),
)


def scores_json(evaluation: Evaluation) -> dict[str, Any]:
    """All scores and constraint rates as JSON values; what is not a number is null."""
    chapters = {
        name: [
            {
                "name": score.name,
                "table": score.table,
                "value": score.value,
                "interval": list(score.interval),
                "baseline": score.baseline,
                "threshold": score.threshold,
                "better": score.better,
                "gate_on": score.gate_on,
                "passes": score.passes,
                "detail": score.detail,
            }
            for score in getattr(evaluation, name)
        ]
        for name, _, _ in CHAPTERS
    }
    constraints = [
        {"name": rate.name, "real": rate.real, "synthetic": rate.synthetic, "description": rate.description}
        for rate in evaluation.constraints
    ]
    cleaned = plain_values({**chapters, "constraints": constraints, "unmeasured": list(evaluation.unmeasured)})
    assert isinstance(cleaned, dict)
    return cleaned


def evaluation_from_json(content: Mapping[str, Any]) -> Evaluation:
    """What :func:`scores_json` wrote; a null is no number. Raises :class:`DataError` for anything else."""
    try:
        chapters = {name: tuple(_score(given) for given in content[name]) for name, _, _ in CHAPTERS}
        return Evaluation(
            **chapters,
            constraints=tuple(
                ConstraintRate(
                    name=str(rate["name"]),
                    real=_number(rate["real"]),
                    synthetic=_number(rate["synthetic"]),
                    description=str(rate["description"]),
                )
                for rate in content["constraints"]
            ),
            unmeasured=tuple(map(str, content.get("unmeasured", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"these are no scores of an evaluation ({error!r}); evaluate again") from None


def _score(given: Mapping[str, Any]) -> Score:
    low, high = given["interval"]
    if given["better"] not in ("higher", "lower") or given["gate_on"] not in ("value", "lower", "upper"):
        raise ValueError(f"direction of {given['name']}")
    return Score(
        name=str(given["name"]),
        table=str(given.get("table", "")),
        value=_number(given["value"]),
        interval=(_number(low), _number(high)),
        baseline=_number(given["baseline"]),
        threshold=None if given["threshold"] is None else _number(given["threshold"]),
        better=given["better"],
        gate_on=given["gate_on"],
        detail=dict(given["detail"]),
    )


def _number(given: float | None) -> float:
    return math.nan if given is None else float(given)
