"""The report that a data steward reads before a release goes out."""

from evaluation.report.content import Counts, PromiseLines, ReportContent, Verdict
from evaluation.report.render import render, scores_json

__all__ = ["Counts", "PromiseLines", "ReportContent", "Verdict", "render", "scores_json"]
