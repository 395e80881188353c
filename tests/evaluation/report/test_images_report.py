"""The report of a training on images."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from evaluation.report import ImageGrid, ImagesContent, render_images
from evaluation.report.images import MOST_GRIDS, evenly
from tests.evaluation.report.contents import HOSTILE, Page


def content(epochs: int = 3, **more: object) -> ImagesContent:
    grids = [ImageGrid(caption=f"Samples after epoch {epoch}", png=bytes([epoch])) for epoch in range(1, epochs + 1)]
    curve = tuple((step, 1.0 / (step + 1)) for step in range(20))
    values = {
        "title": "Digits",
        "created": datetime(2026, 1, 2, tzinfo=UTC),
        "real": ImageGrid(caption="Training images", png=b"real"),
        "grids": grids,
        "facts": ["Learned from 7 images."],
        "training": {"critic loss": curve, "generator loss": curve},
    }
    return ImagesContent(**(values | more))


def test_grids_and_both_curves_are_there():
    page = Page(render_images(content()))
    assert page.sections == ["promise", "samples", "training"]
    assert "Samples after epoch 3" in page.text
    assert "critic loss" in render_images(content())
    assert "generator loss" in render_images(content())


def test_pictures_are_part_of_the_page():
    html = render_images(content())
    assert 'src="data:image/png;base64,AQ=="' in html
    assert "img-src data:" in html


def test_without_curves_there_is_no_chapter_for_them():
    assert Page(render_images(content(training={}))).sections == ["promise", "samples"]


def test_texts_cannot_become_markup():
    html = render_images(content(title=HOSTILE, facts=[HOSTILE], real=ImageGrid(caption=HOSTILE, png=b"")))
    assert HOSTILE not in html


@pytest.mark.parametrize("epochs", [1, MOST_GRIDS, MOST_GRIDS + 1, 500])
def test_so_many_grids_are_shown_the_first_and_the_last_among_them(epochs):
    grids = list(content(epochs=min(epochs, 255)).grids) if epochs < 256 else list(content(epochs=255).grids) * 2
    shown = evenly(grids, MOST_GRIDS)
    assert len(shown) == min(len(grids), MOST_GRIDS)
    assert (shown[0], shown[-1]) == (grids[0], grids[-1])
