"""Folders of images: learned from, drawn into.

::

    MODEL/model.json                          what it promises
    MODEL/config.json, weights.safetensors    the engine, with the names of its labels
    MODEL/internal/report.html                grids of samples, curves; beside real images: it must not leave
    MODEL/internal/epochs/0001.png            a grid of samples at the end of each epoch

Under a promise nothing is internal: report and grids lie beside the model, and show what the model drew and what was
declared, no real image, no count and no loss.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.pipeline.budgeting import Charge, charged_to, fingerprint
from domains.pipeline.config import ledger_path
from domains.pipeline.image_promise import IMAGES, ImagePromise, ImageProvenance, label_table
from domains.pipeline.unfinished import SECONDS, Unfinished, unfinished
from evaluation.report import ImageGrid, ImagesContent, render_images
from privacy.access import PrivateAccess
from privacy.budget.promise import Mechanisms
from shared.access.contract import Access
from shared.access.plain import PlainAccess
from shared.access.questions import Categories, CategoryQuestion
from shared.corpus.folders import fresh_folder
from shared.corpus.units import UnitFrame, by_unit
from shared.devices import device_named
from shared.engines.contract import FitSummary
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.engine import ImageEngine, ImageShape
from shared.engines.image.files import check_folder, digits, grid_of, read_images, write_images
from shared.errors import ConfigurationError, DataError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

INTERNAL, EPOCHS = "internal", "epochs"
LEAST_IMAGES = 2  # under each label
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
    promise: ImagePromise | None = None,
    ledger: str | Path | None = None,
    checkpoint_seconds: float = SECONDS,
) -> dict[str, Any]:
    """Learn from a folder of PNGs into a new folder ``out``; gives what is worth telling.

    With a ``promise`` the budget is reserved before an image is read, and a run that fails has spent it; nothing that
    is given or written is computed on images but through what was paid for. A run that was killed goes on from its
    last checkpoint when it is called again (:mod:`domains.pipeline.unfinished`). ``ledger`` is where budgets are kept,
    unless told otherwise :func:`~domains.pipeline.config.ledger_path`.
    """
    config = ImageConfig.with_settings(settings, private=promise is not None)
    check_folder(folder)
    device_named(device)
    mechanisms = None if promise is None else promise.mechanisms(config)
    told = {"folder": str(folder.absolute()), "settings": settings, "seed": seed, "device": device}
    told["promise"] = None if promise is None else asdict(promise)
    with (
        fresh_folder(out) as building,
        unfinished(out, "image fit", told, seconds=checkpoint_seconds) as state,
        _charged(promise, mechanisms, told, ledger, now, state) as charge,
    ):
        images = _read(folder, promise)
        access = PlainAccess(units_of(images)) if mechanisms is None else PrivateAccess(units_of(images), mechanisms)
        shape = _shape(images, access, state)
        engine = ImageEngine.fresh(config, shape, seed=derive(seed, "weights"), device=device)
        pages = building if promise is not None else building / INTERNAL
        pages.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        summary, grids = _fitted(engine, images, access, pages / EPOCHS, state, seed, reporter)
        engine.save(building)
        ImageProvenance.of(promise, charge).save(building)
        result: dict[str, Any] = {"labels": list(images.names), "steps": summary.steps}
        content = ImagesContent(title=f"Images of {folder.name}", created=now, grids=grids)
        if promise is None or mechanisms is None:
            result |= {"images": len(images), "copies": copied(engine, images, seed=seed), "privacy": "none"}
            real = grid_of(_real_grid(images, seed), _columns(images.names))
            content = replace(
                content,
                real=ImageGrid(caption="Training images", png=real),
                facts=[_learned_from(f"{len(images):,}", images, summary), _copies(result["copies"])],
                training=summary.curves,
            )
        else:
            delta = mechanisms.delta
            result |= {"images_about": promise.images_about, "privacy": {"epsilon": promise.epsilon, "delta": delta}}
            about = f"about {promise.images_about:,} (declared)"
            content = replace(
                content, promise=_promised(promise.epsilon, delta), facts=[_learned_from(about, images, summary)]
            )
        (pages / "report.html").write_text(render_images(content), encoding="utf-8")
    return result


def _charged(
    promise: ImagePromise | None,
    mechanisms: Mechanisms | None,
    told: Mapping[str, object],
    ledger: str | Path | None,
    now: datetime,
    state: Unfinished | None,
) -> AbstractContextManager[Charge]:
    """Without a promise nothing is asked of a ledger."""
    run = state.run if state is not None and state.run is not None else None
    if promise is None or mechanisms is None:
        if state is not None:
            state.begin(run=run or "image-fit")
        return nullcontext(Charge(key=b""))
    name = run or f"{promise.source}-image-fit-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    account = promise.account(ledger or ledger_path(), fingerprint(told))
    return charged_to(account, {IMAGES: mechanisms}, run=name, state=state)


def _read(folder: Path, promise: ImagePromise | None) -> Images:
    if promise is not None:
        return read_images(folder, labels=promise.labels, size=promise.size)
    images = read_images(folder)
    check_labels(images, folder)
    return images


def _shape(images: Images, access: Access, state: Unfinished | None) -> ImageShape:
    """What the engine must know before it sees an image; a run that is taken up asks nothing again."""
    counts = None if state is None else state.noted("counts")
    if counts is None:
        counts = shape_of(images, access).counts
        if state is not None:
            state.begin(counts=counts)
    return ImageShape(size=images.size, names=images.names, counts=tuple(counts))


def _fitted(
    engine: ImageEngine,
    images: Images,
    access: Access,
    epochs: Path,
    state: Unfinished | None,
    seed: int,
    reporter: Reporter,
) -> tuple[FitSummary, list[ImageGrid]]:
    """Train; the grid of each epoch goes to the folder ``epochs``, those of a run that was killed too."""
    epochs.mkdir()
    drawn = epochs if state is None else state.folder(EPOCHS)

    def watch(epoch: int) -> None:
        (drawn / f"{epoch:04d}.png").write_bytes(_grid_of_samples(engine, seed))

    summary = engine.fit(
        images,
        access,
        seed=derive(seed, "training"),
        reporter=reporter,
        checkpoints=None if state is None else state.checkpoints(IMAGES, images),
        watch=watch,
    )
    if state is not None:
        shutil.copytree(drawn, epochs, dirs_exist_ok=True)
    grids = [
        ImageGrid(caption=f"Samples after epoch {int(path.stem)}", png=path.read_bytes())
        for path in sorted(epochs.iterdir())
    ]
    return summary, grids


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
    table = label_table(images.names)
    label = pd.Series(np.asarray(images.names, dtype=object)[images.labels], dtype="str")
    return by_unit(table, pd.DataFrame({table.names[0]: label}))


def shape_of(images: Images, access: Access) -> ImageShape:
    """What the engine must know before it sees an image: how frequent labels are, as the access answers it.

    Of a single label nothing is asked.
    """
    counts = (1.0,)
    if len(images.names) > 1:
        (answer,) = access.statistics.answer([CategoryQuestion(label_table(images.names).columns[0])])
        assert isinstance(answer, Categories)
        counts = tuple(np.maximum(answer.counts, 0.0).tolist())
    return ImageShape(size=images.size, names=images.names, counts=counts)


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


def _grid_of_samples(engine: ImageEngine, seed: int) -> bytes:
    columns = _columns(engine.state.names)
    labels = np.tile(np.arange(columns, dtype=np.int32), _IN_GRID)
    # The same numbers at every epoch, so that a place shows how one image comes to be.
    return grid_of(Images.joined(list(engine.sample(len(labels), seed=derive(seed, "grid"), given=labels))), columns)


def _real_grid(images: Images, seed: int) -> Images:
    random = numpy_generator(seed, "real grid")
    columns = [random.permutation(np.flatnonzero(images.labels == label)) for label in range(_columns(images.names))]
    return images.take(
        np.concatenate([np.array([np.resize(c, _IN_GRID)[row] for c in columns]) for row in range(_IN_GRID)])
    )


def _learned_from(number: str, images: Images, summary: FitSummary) -> str:
    height, width, channels = images.size
    return (
        f"Learned from {number} images of {width} by {height} pixels and {channels} channels, under "
        f"{len(images.names)} labels, in {summary.steps:,} steps; {summary.parameters:,} parameters."
    )


def _copies(copies: int) -> str:
    return f"Of {_COMPARED:,} samples {copies} equal a training image."


def _promised(epsilon: float, delta: float) -> str:
    return (
        f"Differential privacy by image, under add or remove of one image: ε = {epsilon:g}, δ = {delta:g}. What is "
        "seen here was drawn by the model, or declared; nothing else of the images is in it."
    )
