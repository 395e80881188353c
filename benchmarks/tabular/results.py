"""Results on disk, one JSON file a contender and seed, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Result:
    """One contender with one seed. ``measured`` has ``fit`` and ``sample`` in CPU-seconds, ``peak_mib``, ``note``."""

    measured: dict[str, Any]
    scores: dict[str, float]
    resumed: bool

    @property
    def failed(self) -> str | None:
        return self.measured.get("failed")


def kept_or_made(
    path: Path,
    *,
    run_key: str,
    score_key: str,
    make: Callable[[Path], dict[str, Any]],
    score: Callable[[Path], dict[str, float]],
) -> Result:
    """The result at ``path`` if its keys are these; what is missing or of another version is made anew."""
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    rows = path.with_suffix(".parquet")
    resumed = kept.get("run_key") == run_key and (rows.exists() or "failed" in kept["measured"])
    if not resumed:
        kept = {"run_key": run_key, "measured": make(rows)}
        _write(path, kept)
    if "failed" not in kept["measured"] and kept.get("score_key") != score_key:
        kept |= {"scores": score(rows), "score_key": score_key}
        _write(path, kept)
    return Result(measured=kept["measured"], scores=kept.get("scores", {}), resumed=resumed)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(json.dumps(content, indent=1), encoding="utf-8")
    half.replace(path)
