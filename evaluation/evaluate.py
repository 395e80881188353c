"""All scores of one table, chapter by chapter."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.evaluation import ConstraintRate, Evaluation
from evaluation.fidelity.column_agreement import column_agreement
from evaluation.fidelity.correlation import correlation_difference
from evaluation.fidelity.missingness import missingness_difference
from evaluation.fidelity.pair_agreement import pair_agreement
from evaluation.fidelity.rows_per_unit import rows_per_unit_agreement
from evaluation.fidelity.sdmetrics import sdmetrics_python, sdmetrics_scores
from evaluation.fidelity.two_sample import two_sample_auc
from evaluation.leakage.clearest_neighbours import clearest_neighbours_share
from evaluation.leakage.exact_copies import exact_copies
from evaluation.leakage.inference import inference
from evaluation.leakage.linkability import linkability
from evaluation.leakage.membership import Density, membership_by_density, membership_by_distance
from evaluation.leakage.nearest_neighbour import nearest_neighbour_share
from evaluation.leakage.singling_out import singling_out
from evaluation.score import Score
from evaluation.utility.every_column import every_column
from evaluation.utility.task import NotMeasurable, TaskLike
from evaluation.utility.tasks import task_score
from shared.corpus.schema import Table
from shared.corpus.units import UnitFrame
from shared.errors import ConfigurationError
from shared.randomness import derive
from shared.training.reporter import Reporter

_LOG = logging.getLogger(__name__)
Measure = Callable[..., Score]
FIDELITY: tuple[Measure, ...] = (
    column_agreement,
    pair_agreement,
    correlation_difference,
    missingness_difference,
    two_sample_auc,
)
LEAKAGE: tuple[Measure, ...] = (
    exact_copies,
    nearest_neighbour_share,
    clearest_neighbours_share,
    membership_by_distance,
    singling_out,
)
OF_SEVERAL_COLUMNS: tuple[Measure, ...] = (linkability, inference)


def evaluate_table(
    table: Table,
    train: UnitFrame,
    holdout: UnitFrame,
    synthetic: UnitFrame,
    *,
    tasks: Sequence[TaskLike] = (),
    density: Density | None = None,
    constraints: Sequence[ConstraintRate] = (),
    derived: Sequence[str] = (),
    effort: Effort | None = None,
    seed: int,
    reporter: Reporter,
) -> Evaluation:
    """Compare train, holdout and synthetic units of one table.

    ``density`` is the generator's own log density of units, where there is one; ``derived`` columns are
    functions of others, and no targets of utility. SDMetrics' scores stand beside ours if ``SIMULACRA_SDMETRICS``
    names a python that has it; if that fails, a warning stands in their place. Raises ``DataError`` where a part is
    too small.
    """
    data = Comparison(table, train, holdout, synthetic, effort or Effort())
    tasks = [task for task in tasks if task.table == table.name]
    measures = [*FIDELITY, *([rows_per_unit_agreement] if data.has_histories else [])]
    attacks = [*LEAKAGE, *(OF_SEVERAL_COLUMNS if len(data.names) > 1 else ())]
    work = len(measures) + len(tasks) + len(data.names) + len(attacks) + (density is not None)
    with reporter.stage("evaluating", work) as stage:

        def measured(measure: Measure, *arguments: object) -> Score:
            score = measure(data, *arguments, seed=derive(seed, measure.__name__))
            stage.advance()
            return score

        fidelity = [*(measured(measure) for measure in measures), *_of_sdmetrics(data, seed)]
        utility, unmeasured = [], []
        for task in tasks:
            try:
                utility.append(measured(task_score, task))
            except NotMeasurable as error:
                # Known only from the records, after a private run has paid: the gate refuses, the report is kept.
                unmeasured.append(str(error))
                stage.advance()
        utility.append(
            every_column(
                data, seed=derive(seed, "every column"), excluded=frozenset(derived), advance=lambda: stage.advance(1)
            )
        )
        leakage = [measured(measure) for measure in attacks]
        if density is not None:
            leakage.append(measured(membership_by_density, density))
    return Evaluation(
        fidelity=tuple(fidelity),
        utility=tuple(utility),
        leakage=tuple(leakage),
        constraints=tuple(constraints),
        unmeasured=tuple(unmeasured),
    )


def _of_sdmetrics(data: Comparison, seed: int) -> tuple[Score, ...]:
    try:
        python = sdmetrics_python()
        return () if python is None else sdmetrics_scores(data, python, seed=derive(seed, "sdmetrics"))
    except ConfigurationError as error:
        # A private run has paid by now: scores that are only for comparison must not cost the release.
        _LOG.warning("%s; its scores are left out", error)
        return ()
