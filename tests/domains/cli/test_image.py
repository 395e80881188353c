"""``simulacra image``: folders of PNGs in, folders of PNGs out."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import numpy as np
import pytest

from domains.cli.main import main
from domains.pipeline import imaging
from shared.engines.encoded import Images
from shared.engines.image.files import digits, png_of, read_images, write_images


def spots(folder: Path, n: int = 12) -> None:
    """Images with a spot on the left or on the right."""
    pixels, labels = np.zeros((n, 6, 6, 1), dtype=np.uint8), np.arange(n, dtype=np.int32) % 2
    for place in range(n):
        pixels[place, place % 5, 4 * labels[place]] = 255
    write_images([Images(pixels, labels, ("left", "right"))], folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    spots(folder / "spots")
    assert main(["image", "fit", str(folder / "spots"), "--epochs", "3", "--out", str(folder / "model")]) == 0
    return folder / "model"


def test_a_fit_leaves_a_model_and_keeps_what_shows_real_images_to_its_owner(model):
    assert {path.name for path in model.iterdir()} == {"model.json", "config.json", "weights.safetensors", "internal"}
    assert stat.S_IMODE((model / "internal").stat().st_mode) == 0o700
    assert [path.name for path in sorted((model / "internal" / "epochs").iterdir())] == [
        "0001.png",
        "0002.png",
        "0003.png",
    ]


def test_the_report_embeds_the_grids_and_loads_nothing(model):
    page = (model / "internal" / "report.html").read_text()
    assert len(re.findall(r'<img src="data:image/png;base64,', page)) == 4  # real ones, and three epochs
    assert "No privacy promise" in page
    assert "Learned from 12 images of 6 by 6 pixels" in page
    assert not re.search(r'<(img|script|link)[^>]*(src|href)="(?!data:)', page)


def test_samples_are_pngs_under_their_labels(model, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["image", "sample", str(model), "--images", "10", "--seed", "1", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "images": 10, "seed": 1}
    images = read_images(out)
    assert images.size == (6, 6, 1)
    assert len(images) == 10


def test_labels_that_are_named_have_equal_parts_and_equal_seeds_equal_images(model, tmp_path):
    for name in ("a", "b"):
        line = ["image", "sample", str(model), "--images", "6", "--seed", "2", "--out", str(tmp_path / name)]
        assert main([*line, "--label", "right", "--label", "left"]) == 0
    one, other = read_images(tmp_path / "a"), read_images(tmp_path / "b")
    assert np.bincount(one.labels).tolist() == [3, 3]
    assert np.array_equal(one.pixels, other.pixels)


def test_the_digits_of_scikit_learn_are_written(tmp_path, monkeypatch):
    # A few of them: a release writes each file through to the disk.
    monkeypatch.setattr(imaging, "digits", lambda: digits().take(np.arange(30)))
    assert main(["image", "digits", "--out", str(tmp_path / "digits")]) == 0
    written = read_images(tmp_path / "digits")
    assert np.array_equal(np.bincount(written.labels), np.bincount(digits().labels[:30]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "third").mkdir() or write_one(folder / "third"), "third has a single image"),
        (lambda folder: (folder / "left" / "x.png").write_bytes(b"none"), "x.png is no PNG that can be read"),
        (lambda folder: write_one(folder / "left", side=9), "9 x 9, 1"),
        (lambda folder: write_one(folder), "has PNGs of its own and in 2 folders"),
    ],
)
def test_a_folder_that_cannot_be_learned_from_is_refused_with_nothing_left(spoil, message, tmp_path, capsys):
    spots(tmp_path / "spots")
    spoil(tmp_path / "spots")
    assert main(["image", "fit", str(tmp_path / "spots"), "--out", str(tmp_path / "model")]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["spots"]


def write_one(folder: Path, side: int = 6) -> None:
    (folder / "one.png").write_bytes(png_of(np.zeros((side, side, 1), dtype=np.uint8)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["image", "fit", "{empty}", "--out", "{out}"], "has no PNGs"),
        (["image", "fit", "{empty}/none", "--out", "{out}"], "is no folder"),
        (["image", "fit", "{empty}", "--kind", "flow", "--out", "{out}"], "kind is 'flow'; it is one of gan, vae"),
        (["image", "sample", "{empty}", "--out", "{out}"], "holds no image engine"),
        (["image", "sample", "{model}", "--label", "up", "--out", "{out}"], "--label up is none of the model's"),
    ],
)
def test_wrong_input_is_told_on_one_line(arguments, message, model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    places = {"empty": tmp_path / "empty", "out": tmp_path / "out", "model": model}
    assert main([argument.format(**places) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
