"""Folders of PNGs, in and out."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from shared.engines.encoded import Images
from shared.engines.image.files import digits, grid_of, png_of, read_images, read_png, write_images
from shared.errors import DataError


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)


@given(st.sampled_from([1, 2, 3, 4]).flatmap(lambda c: arrays.arrays(np.uint8, (5, 7, c))))
def test_a_png_holds_every_pixel(tmp_path_factory, pixels):
    path = tmp_path_factory.mktemp("png") / "one.png"
    path.write_bytes(png_of(pixels))
    assert np.array_equal(read_png(path), pixels)


def test_images_come_back_with_their_labels(bar_images, tmp_path):
    images = bar_images(12)
    assert write_images([images.take(np.arange(5)), images.take(np.arange(5, 12))], tmp_path) == 12
    again = read_images(tmp_path)
    order = np.argsort(images.labels, kind="stable")
    assert again.names == ("lying", "standing")
    assert np.array_equal(again.labels, images.labels[order])
    assert np.array_equal(again.pixels, images.pixels[order])


def test_a_folder_without_folders_has_one_label(bar_images, tmp_path):
    for place, pixels in enumerate(bar_images(3).pixels):
        (tmp_path / f"{place}.PNG").write_bytes(png_of(pixels))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty").mkdir()
    found = read_images(tmp_path)
    assert (len(found), found.names) == (3, ("image",))


def test_a_folder_with_no_pngs_is_refused(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="has no PNGs"):
        read_images(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        read_images(tmp_path / "photo.jpg")


def test_pngs_in_the_folder_and_below_it_are_refused(bar_images, tmp_path):
    write_images([bar_images(4)], tmp_path)
    (tmp_path / "stray.png").write_bytes(png_of(bar_images(1).pixels[0]))
    with pytest.raises(DataError, match=r"PNGs of its own and in 2 folders; move stray\.png"):
        read_images(tmp_path)


def test_unequal_sizes_and_kinds_are_refused_by_name(bar_images, tmp_path):
    write_images([bar_images(4)], tmp_path)
    (tmp_path / "standing" / "zz.png").write_bytes(png_of(np.zeros((6, 9, 1), dtype=np.uint8)))
    with pytest.raises(DataError, match=r"zz\.png is 9 x 6, 1 and .* is 6 x 6, 1"):
        read_images(tmp_path)
    (tmp_path / "standing" / "zz.png").write_bytes(png_of(np.zeros((6, 6, 3), dtype=np.uint8)))
    with pytest.raises(DataError, match=r"zz\.png is 6 x 6, 3"):
        read_images(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no picture", png_of(np.zeros((6, 6, 1), dtype=np.uint8))[:40]])
def test_a_damaged_png_is_told_by_name(content, tmp_path):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png is no PNG that can be read"):
        read_images(tmp_path)


def test_sixteen_bits_a_pixel_are_refused(tmp_path):
    Image.fromarray(np.zeros((6, 6), dtype=np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png has pixels of kind I;16"):
        read_images(tmp_path)


@pytest.mark.parametrize("label", ["..", "a/b", ""])
def test_a_label_that_leads_out_of_the_folder_is_refused(label, tmp_path):
    images = Images(np.zeros((1, 4, 4, 1), dtype=np.uint8), np.zeros(1, dtype=np.int32), (label,))
    with pytest.raises(DataError, match="cannot name a folder"):
        write_images([images], tmp_path / "out")
    assert not (tmp_path / "a").exists()


def test_a_grid_shows_images_row_after_row(bar_images):
    images = bar_images(6)
    sheet = opened(grid_of(images, columns=3))
    tile = 36 + 1  # six pixels, six times as large
    assert sheet.shape == (2 * tile + 1, 3 * tile + 1)
    for place in range(6):
        down, right = 1 + place // 3 * tile, 1 + place % 3 * tile
        assert np.array_equal(sheet[down : down + 36 : 6, right : right + 36 : 6], images.pixels[place, :, :, 0])


def test_digits_are_all_there():
    found = digits()
    assert found.pixels.shape == (1797, 8, 8, 1)
    assert len(np.unique(found.pixels)) == 17
    assert np.bincount(found.labels).min() > 170


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (np.zeros((2, 4, 4, 1)), [0, 0], "pixels of type float64"),
        (np.zeros((2, 4, 4), dtype=np.uint8), [0, 0], "of shape"),
        (np.zeros((2, 4, 4, 1), dtype=np.uint8), [0], "do not fit 2 images"),
        (np.zeros((2, 4, 4, 1), dtype=np.uint8), [0, 1], "none of the 1 that have names"),
    ],
)
def test_arrays_that_are_no_images_are_refused(pixels, labels, message):
    with pytest.raises(DataError, match=message):
        Images(pixels, np.array(labels, dtype=np.int32), ("a",))
