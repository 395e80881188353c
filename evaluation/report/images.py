"""What a training on images looked like: a grid of samples of each epoch, and the curves of its losses."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evaluation.report.figures import training_curves
from evaluation.report.shell import Figures, render_page
from shared.training.curves import Curve

MOST_GRIDS = 12  # a report has so many of a training's grids, evenly spread, the last among them


@dataclass(frozen=True, kw_only=True)
class ImageGrid:
    """A grid of images as one PNG; ``caption`` says what there is to see."""

    caption: str
    png: bytes

    @property
    def source(self) -> str:
        """The picture itself, as a page that loads nothing has it."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True, kw_only=True)
class ImagesContent:
    """Everything that the report of a training on images shows.

    ``facts`` are lines in words, ``promise`` says what is promised, if anything is. ``real`` is a grid of training
    images, ``grids`` are those of samples as the training went on; ``training`` has its curves by name. A report that
    may leave has neither ``real`` nor ``training``.
    """

    title: str
    created: datetime
    grids: Sequence[ImageGrid]
    real: ImageGrid | None = None
    promise: str | None = None
    facts: Sequence[str] = ()
    training: Mapping[str, Curve] = field(default_factory=dict)


def render_images(content: ImagesContent) -> str:
    """The report as the text of one self-contained HTML file (see :func:`shell.render_page`)."""
    figures = Figures()
    curves = [{"figure": figures.add(figure)} for figure in training_curves(content.training, "Training")]
    return render_page(
        "images.html.j2", figures, content=content, training=curves, grids=evenly(content.grids, MOST_GRIDS)
    )


def evenly(grids: Sequence[ImageGrid], most: int) -> list[ImageGrid]:
    """At most so many of them, evenly spread, the first and the last among them."""
    if len(grids) <= most:
        return list(grids)
    return [grids[round(place * (len(grids) - 1) / (most - 1))] for place in range(most)]
