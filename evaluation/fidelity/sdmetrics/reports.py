"""Runs in the environment that has SDMetrics, and imports nothing of ours.

Standard input holds one line of JSON: ``metadata``, ``tables`` (name to CSV) and ``pairs`` of a real and a
synthetic table, each with the rows to take (``null``: all). Standard output gets one line of JSON: the
version, and for each pair the scores, their properties and, if asked for, their columns.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from typing import Any


def main() -> None:
    """Read what is asked, answer it."""
    import pandas as pd
    import sdmetrics

    asked = json.load(sys.stdin)
    tables = {name: _read(pd, text, asked["metadata"]) for name, text in asked["tables"].items()}
    answers = []
    for pair in asked["pairs"]:
        real, synthetic = (
            tables[pair[side]] if pair[f"{side}_rows"] is None else tables[pair[side]].iloc[pair[f"{side}_rows"]]
            for side in ("real", "synthetic")
        )
        answers.append(_reports(real.reset_index(drop=True), synthetic.reset_index(drop=True), asked["metadata"]))
    json.dump({"version": sdmetrics.__version__, "answers": answers}, sys.stdout)


def _read(pd: Any, text: str, metadata: dict[str, Any]) -> Any:
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""])
    for name, column in metadata["columns"].items():
        if column["sdtype"] == "numerical":
            frame[name] = pd.to_numeric(frame[name])
        elif column["sdtype"] == "datetime":
            frame[name] = pd.to_datetime(frame[name], format=column["datetime_format"])
        else:
            frame[name] = frame[name].astype(object)
    return frame


def _reports(real: Any, synthetic: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

        made = {"quality": QualityReport(), "diagnostic": DiagnosticReport()}
        answer = {}
        for name, report in made.items():
            report.generate(real, synthetic, metadata, verbose=False)
            properties = report.get_properties()
            answer[name] = {
                "score": float(report.get_score()),
                "properties": dict(zip(properties["Property"], map(float, properties["Score"]), strict=True)),
                "columns": _columns(report, "Column Shapes" if name == "quality" else "Data Validity"),
            }
    return answer


def _columns(report: Any, named: str) -> dict[str, float]:
    details = report.get_details(named)
    return dict(zip(details["Column"], map(float, details["Score"]), strict=True)) if "Column" in details else {}


if __name__ == "__main__":
    main()
