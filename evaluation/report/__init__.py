"""The report that a data steward reads before a release goes out."""

from evaluation.report.content import Counts, PromiseLines, ReportContent, Verdict
from evaluation.report.render import render
from evaluation.report.scores import evaluation_from_json, scores_json

__all__ = ["Counts", "PromiseLines", "ReportContent", "Verdict", "evaluation_from_json", "render", "scores_json"]
