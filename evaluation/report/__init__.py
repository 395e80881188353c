"""The report that a data steward reads before a release goes out."""

from evaluation.report.comparison import Side, compared, render_comparison
from evaluation.report.content import Counts, PromiseLines, ReportContent, Verdict
from evaluation.report.images import ImageGrid, ImagesContent, render_images
from evaluation.report.render import render
from evaluation.report.scores import evaluation_from_json, scores_json

__all__ = [
    "Counts",
    "ImageGrid",
    "ImagesContent",
    "PromiseLines",
    "ReportContent",
    "Side",
    "Verdict",
    "compared",
    "evaluation_from_json",
    "render",
    "render_comparison",
    "render_images",
    "scores_json",
]
