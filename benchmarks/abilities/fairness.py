"""Equal rates of high incomes across sexes: how far apart they still are, and what it costs."""

from __future__ import annotations

import pandas as pd

from benchmarks.abilities.lines import Line, say
from benchmarks.abilities.world import POSITIVE, TARGET, World
from domains.pipeline.balancing import EqualRate, balance_to, rates_of
from shared.training.reporter import SilentReporter

UNITS = 20_000
WANTED = EqualRate(column=TARGET, positive=(POSITIVE,), across="sex")


def run(world: World, seeds: range) -> list[Line]:
    """The gap in what was written, read back from its file."""
    gaps, before = [], []
    for seed in seeds:
        model, _ = world.fitted(world.data.train.frame, seed)
        folder, out = world.saved(model, f"fairness-{seed}"), world.folder / f"fair-{seed}"
        made = balance_to(model, folder, out, units=UNITS, wanted=WANTED, seed=seed, reporter=SilentReporter())
        usual = [rate for rate, _ in made.rates.values()]
        before.append(max(usual) - min(usual))
        (written,) = [path for path in out.iterdir() if path.name.startswith("adult.")]
        header = None if pd.read_csv(written, nrows=1, header=None).iloc[0, 0] != world.table.names[0] else 0
        frame = pd.read_csv(written, header=header, names=list(world.table.names), skipinitialspace=True)
        rates = list(rates_of(frame.astype({TARGET: "str", "sex": "str"}), WANTED).values())
        gaps.append(max(rates) - min(rates))
        say(
            f"fairness, seed {seed}: pair agreement {made.agreement:.4f} with an ordinary sample, {made.without:.4f} "
            f"of two ordinary ones: costs {made.cost:.4f}"
        )
    return [Line("fairness, gap in rates across sex", gaps, before, "before", max(gaps) <= 0.01)]
