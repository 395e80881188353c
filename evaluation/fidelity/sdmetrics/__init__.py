"""SDMetrics' scores beside ours, computed by that package in an environment of its own."""

from evaluation.fidelity.sdmetrics.environment import sdmetrics_python
from evaluation.fidelity.sdmetrics.scores import sdmetrics_scores

__all__ = ["sdmetrics_python", "sdmetrics_scores"]
