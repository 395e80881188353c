"""Images in folders of PNGs, and the handwritten digits that scikit-learn brings.

::

    FOLDER/*.png             images without labels
    FOLDER/LABEL/*.png       images under labels, a folder each
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from shared.corpus.folders import writing
from shared.engines.encoded import Images
from shared.errors import DataError

UNLABELLED = "image"
_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "LA": "LA", "RGBA": "RGBA"}
_GAP, _PAPER = 1, 255
_LEAST_SHOWN = 32  # pixels that the short side of an image has in a grid


def check_folder(folder: Path) -> None:
    """Raise ``DataError`` for a folder that there is not."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give one of PNGs, or of folders of PNGs whose names are labels")


def read_images(
    folder: Path, *, labels: Sequence[str] | None = None, size: tuple[int, int, int] | None = None
) -> Images:
    """All PNGs of a folder, or of its folders, whose names are their labels; in the order of names.

    With declared ``labels`` there are these, in their order, with or without images (none: images have no label).
    ``DataError`` for no PNGs, for PNGs both in the folder and below it or under a label that is not declared, for
    sizes or kinds of pixels that differ (or are not the declared ``size``, height, width and channels), and for what
    is no PNG.
    """
    check_folder(folder)
    labelled = {below.name: _pngs(below) for below in sorted(folder.iterdir()) if below.is_dir()}
    labelled = {label: paths for label, paths in labelled.items() if paths}
    loose = _pngs(folder)
    if loose and labelled:
        raise DataError(
            f"{folder} has PNGs of its own and in {len(labelled)} folders; move {loose[0].name} and its like into "
            "the folder of their label"
        )
    if not loose and not labelled:
        raise DataError(
            f"{folder} has no PNGs, nor has a folder in it; give equal-sized PNGs, in a folder for each label"
        )
    groups = labelled or {UNLABELLED: loose}
    if labels is not None:
        groups = _declared(folder, groups, labels or (UNLABELLED,))
    pixels = _equal_sized([path for paths in groups.values() for path in paths], size)
    codes = np.repeat(np.arange(len(groups), dtype=np.int32), [len(paths) for paths in groups.values()])
    return Images(pixels, codes, tuple(groups))


def _declared(folder: Path, groups: Mapping[str, list[Path]], labels: Sequence[str]) -> dict[str, list[Path]]:
    strange = [label for label in groups if label not in labels]
    if strange:
        where = folder if strange[0] == UNLABELLED else folder / strange[0]
        raise DataError(
            f"{where} has PNGs, and the declared labels are {', '.join(labels)}; declare all labels with --label, or "
            "move what is of no label elsewhere"
        )
    return {label: groups.get(label, []) for label in labels}


def _pngs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() == ".png")


def _equal_sized(paths: list[Path], size: tuple[int, int, int] | None) -> NDArray[np.uint8]:
    """Shape ``(images, height, width, channels)``."""
    shape = read_png(paths[0]).shape if size is None else size
    pixels = np.empty((len(paths), *shape), dtype=np.uint8)
    for place, path in enumerate(paths):
        image = read_png(path)
        if image.shape != shape:
            other = f"{paths[0]} is" if size is None else "the declared size is"
            raise DataError(
                f"{path} is {_size(image.shape)} and {other} {_size(shape)} (width x height, channels); bring all "
                "images to one size and kind"
            )
        pixels[place] = image
    return pixels


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}, {shape[2]}"


def read_png(path: Path) -> NDArray[np.uint8]:
    """One image, shape ``(height, width, channels)``: grey, colour, or either with opacity, a byte a channel."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.mode not in _MODES:
                raise DataError(f"{path} has pixels of kind {image.mode}; give PNGs with 8 bits a channel")
            pixels = np.asarray(image.convert(_MODES[image.mode]), dtype=np.uint8)
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} is no PNG that can be read ({first}); remove or replace it") from error
    return pixels if pixels.ndim == 3 else pixels[..., None]


def write_images(batches: Iterable[Images], folder: Path) -> int:
    """Write images as ``LABEL/000001.png`` below ``folder``, numbered from 1; returns how many."""
    written = 0
    with writing(folder):
        for batch in batches:
            for pixels, label in zip(batch.pixels, batch.labels, strict=True):
                written += 1
                place = folder / _folder_name(batch.names[label])
                place.mkdir(parents=True, exist_ok=True)
                (place / f"{written:06d}.png").write_bytes(png_of(pixels))
    return written


def _folder_name(label: str) -> str:
    """The label, if a folder can have it for its name: a model that came from elsewhere must not choose the place."""
    if label in ("", ".", "..") or "/" in label or "\0" in label:
        raise DataError(f"label {label!r} cannot name a folder; rename it and fit the model again")
    return label


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """One image of shape ``(height, width, channels)`` as the bytes of a PNG; equal images give equal bytes."""
    if pixels.shape[2] > 4:
        raise DataError(f"images of {pixels.shape[2]} channels have no PNG; it has from 1 to 4")
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def grid_of(images: Images, columns: int) -> bytes:
    """Images side by side, row after row, as one PNG; small ones are enlarged without smoothing."""
    height, width, channels = images.size
    scale = max(1, -(-_LEAST_SHOWN // min(height, width)))
    rows = -(-len(images) // columns)
    tile = (height * scale + _GAP, width * scale + _GAP)
    sheet = np.full((rows * tile[0] + _GAP, columns * tile[1] + _GAP, channels), _PAPER, dtype=np.uint8)
    for place, pixels in enumerate(images.pixels):
        down, right = _GAP + place // columns * tile[0], _GAP + place % columns * tile[1]
        large = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
        sheet[down : down + height * scale, right : right + width * scale] = large
    return png_of(sheet)


def digits() -> Images:
    """The 1,797 handwritten digits of 8 by 8 pixels that scikit-learn brings (Alpaydin and Kaynak 1998).

    Their 17 levels of grey are spread from 0 to 255.
    """
    from sklearn.datasets import load_digits  # what it reads is not needed by any other image

    found = load_digits()
    pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)[..., None]
    return Images(pixels, found.target.astype(np.int32), tuple(map(str, range(10))))


DIGIT_LEVELS = 17
