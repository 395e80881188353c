"""Acts to utterances on the Schema-Guided Dialogue data: a pretrained model with adapters beside models from scratch.

Usage: python -m benchmarks.language [--contenders lora,lora-lexical,…] [--test N] [--out DIR]
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.language.contenders import CONTENDERS, base_model, held_out, run
from benchmarks.language.measuring import Measures, kept_or_made, real_line
from benchmarks.language.table import print_table, print_targets
from benchmarks.tabular.data import ROOT
from domains.cli.reporter import RichReporter
from shared.training.reporter import Reporter

TEST_TURNS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--test", type=int, default=TEST_TURNS, help="held-out turns that have values to say")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench-language")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with RichReporter(Console(stderr=True)) as reporter:
        lines = _lines(arguments, reporter)
    print_table(lines, arguments.test)
    print_targets(lines)


def _lines(arguments: argparse.Namespace, reporter: Reporter) -> list[Measures]:
    """What people said, and each contender; what an earlier run measured is not measured again."""
    models = arguments.out / "models"
    base_model(models, reporter)
    turns = held_out(arguments.test, arguments.seed)
    lines = [real_line(turns)]
    for name in arguments.contenders.split(","):
        contender = CONTENDERS[name]
        print(f"{contender.title} …", flush=True)
        lines.append(
            kept_or_made(
                arguments.out / f"{name}-{arguments.seed}.json",
                f"{contender} {len(turns)} {arguments.seed}",
                partial(
                    run,
                    contender,
                    turns,
                    models,
                    arguments.out / f"{name}-{arguments.seed}",
                    seed=arguments.seed,
                    reporter=reporter,
                ),
            )
        )
    return lines


if __name__ == "__main__":
    main()
