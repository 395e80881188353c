"""What engines can do, on Adult, one thread: `make bench-abilities`; `--only filling` for one of them."""

from __future__ import annotations

import argparse
import time

import torch

from benchmarks.abilities import adaptation, choosing, fairness, filling, imputation
from benchmarks.abilities.lines import say
from benchmarks.abilities.world import World

SEEDS = range(3)
ABILITIES = {
    "filling": filling.run,
    "imputation": imputation.run,
    "fairness": fairness.run,
    "adaptation": adaptation.adaptation,
    "warm": adaptation.warm_start,
    "tuning": choosing.run,
}


def main() -> None:
    """Run all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(ABILITIES), help=f"some of {', '.join(ABILITIES)}")
    torch.set_num_threads(1)
    world = World.read()
    say(f"means of {len(SEEDS)} seeds (range)")
    for name in parser.parse_args().only.split(","):
        began = time.process_time()
        for line in ABILITIES[name](world, SEEDS):
            line.show()
        say(f"  {name}: {time.process_time() - began:.0f} CPU-s")


if __name__ == "__main__":
    main()
