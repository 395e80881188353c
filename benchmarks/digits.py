"""Handwritten digits: a classifier trained on synthetic digits alone, tested on real ones that no model saw.

Usage: python -m benchmarks.digits [--seeds 3]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import astuple, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from domains.cli.reporter import RichReporter
from domains.pipeline.imaging import shape_of, units_of
from shared.access.plain import PlainAccess
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.engine import ImageEngine
from shared.engines.image.files import DIGIT_LEVELS, digits
from shared.training.reporter import Reporter

SYNTHETIC = 5000
TARGETS = {"accuracy": 0.93, "conditions right": 0.97, "copies": 0}


@dataclass(frozen=True)
class Line:
    """Measures of one model from one seed; ``copies`` and ``nearer`` are shares of its samples."""

    fit: float
    accuracy: float
    conditions: float
    copies: float
    nearer: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kinds", default="gan,vae")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[Line]] = {}
    with RichReporter(Console(stderr=True)) as reporter:
        for seed in range(arguments.seeds):
            train, held_out = halves(seed)
            found.setdefault("real digits", []).append(of_real(train, held_out))
            for kind in arguments.kinds.split(","):
                found.setdefault(kind, []).append(of_model(kind, train, held_out, seed, reporter))
    show(found)


def halves(seed: int) -> tuple[Images, Images]:
    """Real digits in two random halves, alike in their labels: of equal size, so that neither lies nearer by chance."""
    every = digits()
    train, held_out = train_test_split(np.arange(len(every)), test_size=0.5, stratify=every.labels, random_state=seed)
    return every.take(train), every.take(held_out)


def pixels(images: Images) -> NDArray[np.float64]:
    """As scikit-learn gives them: rows of 64 numbers from 0 to 16."""
    return np.rint(images.pixels.reshape(len(images), -1) * ((DIGIT_LEVELS - 1) / 255))


def classifier(images: Images) -> SVC:
    """That of scikit-learn's worked example on these digits."""
    return SVC(gamma=0.001).fit(pixels(images), images.labels)


def distances(images: Images, others: Images) -> NDArray[np.float64]:
    """Of each image to the nearest of the others."""
    return NearestNeighbors(n_neighbors=1).fit(pixels(others)).kneighbors(pixels(images))[0][:, 0]


def of_real(train: Images, held_out: Images) -> Line:
    """What real digits reach: the copies are held-out digits that equal a training digit."""
    judge, copies = classifier(train), distances(held_out, train) == 0
    right = judge.score(pixels(held_out), held_out.labels)
    return Line(0.0, right, right, float(copies.mean()), 0.5)


def of_model(kind: str, train: Images, held_out: Images, seed: int, reporter: Reporter) -> Line:
    """Fit on the one half, generate, judge on the other."""
    access = PlainAccess(units_of(train))
    settings = ImageConfig.with_settings({"kind": kind, "levels": DIGIT_LEVELS}, private=False)
    start = time.process_time()
    engine = ImageEngine.fresh(settings, shape_of(train, access), seed=seed)
    engine.fit(train, access, seed=seed, reporter=reporter)
    seconds = time.process_time() - start
    samples = Images.joined(list(engine.sample(SYNTHETIC, seed=seed)))
    to_train, to_held_out = distances(samples, train), distances(samples, held_out)
    return Line(
        fit=seconds,
        accuracy=classifier(samples).score(pixels(held_out), held_out.labels),
        conditions=classifier(train).score(pixels(samples), samples.labels),
        copies=float((to_train == 0).mean()),
        nearer=float((to_train < to_held_out).mean() + 0.5 * (to_train == to_held_out).mean()),
    )


def show(found: dict[str, list[Line]]) -> None:
    """Means over the seeds."""
    seeds = len(next(iter(found.values())))
    table = Table(title=f"Digits, 8 by 8: means of {seeds} seeds, one thread; {SYNTHETIC:,} synthetic digits")
    for head in ("", "fit, CPU-s", "accuracy on held-out", "conditions right", "copies", "nearer to train"):
        table.add_column(head, justify="left" if not head else "right")
    for name, lines in found.items():
        fit, accuracy, conditions, copies, nearer = np.mean([astuple(line) for line in lines], axis=0)
        table.add_row(name, f"{fit:.0f}", f"{accuracy:.3f}", f"{conditions:.3f}", f"{copies:.2%}", f"{nearer:.3f}")
    console = Console()
    console.print(table)
    console.print(
        f"Targets: accuracy ≥ {TARGETS['accuracy']}, conditions right ≥ {TARGETS['conditions right']}, no copies. "
        "The classifier is scikit-learn's SVC(gamma=0.001)."
    )


if __name__ == "__main__":
    main()
