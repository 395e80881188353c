"""Folders of images: learned from, drawn into.

::

    MODEL/config.json, weights.safetensors    the engine, with the names of its labels
    MODEL/internal/report.html                grids of samples, curves; beside real images: it must not leave
    MODEL/internal/epochs/0001.png            a grid of samples at the end of each epoch
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.report import ImageGrid, ImagesContent, render_images
from shared.access.plain import PlainAccess
from shared.access.questions import Categories, CategoryQuestion
from shared.corpus.folders import fresh_folder
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit
from shared.engines.contract import FitSummary
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.engine import ImageEngine, ImageShape
from shared.engines.image.files import digits, grid_of, read_images, write_images
from shared.errors import ConfigurationError, DataError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

INTERNAL = "internal"
LEAST_IMAGES = 2  # under each label
_LABEL = "label"
_IN_GRID = 5  # images of a label in a grid
_MOST_LABELS = 10  # in a grid
_COMPARED = 1000  # samples that are looked for among the training images
_OWNER_ONLY = 0o700


def fit_images(
    folder: Path,
    out: Path,
    *,
    settings: Mapping[str, object],
    seed: int,
    device: str,
    now: datetime,
    reporter: Reporter,
) -> dict[str, Any]:
    """Learn from a folder of PNGs, without privacy, into a new folder ``out``; gives what is worth telling."""
    config = ImageConfig.with_settings(settings, private=False)
    images = read_images(folder)
    check_labels(images, folder)
    access = PlainAccess(units_of(images))
    engine = ImageEngine.fresh(config, shape_of(images, access), seed=derive(seed, "weights"), device=device)
    with fresh_folder(out) as building:
        epochs = building / INTERNAL / "epochs"
        (building / INTERNAL).mkdir(mode=_OWNER_ONLY)
        epochs.mkdir()
        grids: list[ImageGrid] = []

        def watch(epoch: int) -> None:
            grids.append(_grid_of_samples(engine, epoch, seed))
            (epochs / f"{epoch:04d}.png").write_bytes(grids[-1].png)

        summary = engine.fit(images, access, seed=derive(seed, "training"), reporter=reporter, watch=watch)
        engine.save(building)
        copies = copied(engine, images, seed=seed)
        content = ImagesContent(
            title=f"Images of {folder.name}",
            created=now,
            real=ImageGrid(caption="Training images", png=grid_of(_real_grid(images, seed), _columns(images.names))),
            grids=grids,
            facts=_facts(images, summary, copies),
            training=summary.curves,
        )
        (building / INTERNAL / "report.html").write_text(render_images(content), encoding="utf-8")
    return {"images": len(images), "labels": list(images.names), "steps": summary.steps, "copies": copies}


def sample_images(
    model: Path, out: Path, *, images: int, labels: Sequence[str], seed: int, device: str, reporter: Reporter
) -> int:
    """Draw images into a new folder ``out``, of the named labels in equal parts or as frequent as they were."""
    engine = ImageEngine.load(model, device=device)
    given = _given(engine.state.names, labels, images)
    with fresh_folder(out) as folder, reporter.stage("images", images) as stage:
        written = write_images(_told(engine.sample(images, seed=seed, given=given), stage.advance), folder)
    return written


def write_digits(out: Path) -> int:
    """The handwritten digits that scikit-learn brings as a new folder of PNGs."""
    with fresh_folder(out) as folder:
        return write_images([digits()], folder)


def check_labels(images: Images, folder: Path) -> None:
    """Raise ``DataError`` for a label with fewer images than can be learned from."""
    counts = np.bincount(images.labels, minlength=len(images.names))
    few = [name for name, count in zip(images.names, counts, strict=True) if count < LEAST_IMAGES]
    if few:
        more = f" and {len(few) - 3} more" if len(few) > 3 else ""
        raise DataError(
            f"{folder}: {', '.join(few[:3])}{more} has a single image; a label needs {LEAST_IMAGES} or more: add some, "
            "or remove its folder"
        )


def units_of(images: Images) -> UnitFrame:
    """The labels of images as a table, each image a unit: what statistics are asked of."""
    column = Column(name=_LABEL, kind="categorical", categories=images.names)
    frame = pd.DataFrame({_LABEL: pd.Series(np.asarray(images.names, dtype=object)[images.labels], dtype="str")})
    return by_unit(Table(name="images", columns=(column,), unit=None), frame)


def shape_of(images: Images, access: PlainAccess) -> ImageShape:
    """What the engine must know before it sees an image: how frequent labels are, as the access answers it."""
    column = Column(name=_LABEL, kind="categorical", categories=images.names)
    (answer,) = access.statistics.answer([CategoryQuestion(column)])
    assert isinstance(answer, Categories)
    return ImageShape(size=images.size, names=images.names, counts=tuple(answer.counts.tolist()))


def copied(engine: ImageEngine, images: Images, *, seed: int) -> int:
    """How many of 1,000 samples equal a training image, pixel by pixel."""
    levels = engine.state.settings.levels - 1
    rounded = np.rint(np.rint(images.pixels * (levels / 255)) * (255 / levels)).astype(np.uint8)
    known = {pixels.tobytes() for pixels in rounded}
    samples = engine.sample(_COMPARED, seed=derive(seed, "copies"))
    return sum(pixels.tobytes() in known for batch in samples for pixels in batch.pixels)


def _given(names: Sequence[str], labels: Sequence[str], images: int) -> NDArray[np.int32] | None:
    strange = [label for label in labels if label not in names]
    if strange:
        raise ConfigurationError(f"--label {strange[0]} is none of the model's; it has {', '.join(names)}")
    if not labels:
        return None
    codes = np.array([names.index(label) for label in labels], dtype=np.int32)
    return np.sort(np.resize(codes, images))


def _told(batches: Iterator[Images], advance: Callable[[int], None]) -> Iterator[Images]:
    for batch in batches:
        yield batch
        advance(len(batch))


def _columns(names: Sequence[str]) -> int:
    return min(len(names), _MOST_LABELS)


def _grid_of_samples(engine: ImageEngine, epoch: int, seed: int) -> ImageGrid:
    columns = _columns(engine.state.names)
    labels = np.tile(np.arange(columns, dtype=np.int32), _IN_GRID)
    # The same numbers at every epoch, so that a place shows how one image comes to be.
    samples = Images.joined(list(engine.sample(len(labels), seed=derive(seed, "grid"), given=labels)))
    return ImageGrid(caption=f"Samples after epoch {epoch}", png=grid_of(samples, columns))


def _real_grid(images: Images, seed: int) -> Images:
    random = numpy_generator(seed, "real grid")
    columns = [random.permutation(np.flatnonzero(images.labels == label)) for label in range(_columns(images.names))]
    return images.take(
        np.concatenate([np.array([np.resize(c, _IN_GRID)[row] for c in columns]) for row in range(_IN_GRID)])
    )


def _facts(images: Images, summary: FitSummary, copies: int) -> list[str]:
    height, width, channels = images.size
    return [
        f"Learned from {len(images):,} images of {width} by {height} pixels and {channels} channels, under "
        f"{len(images.names)} labels, in {summary.steps:,} steps; {summary.parameters:,} parameters.",
        f"Of {_COMPARED:,} samples {copies} equal a training image.",
    ]
