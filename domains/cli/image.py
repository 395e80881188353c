"""``simulacra image``."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Out, Seed, progress, report
from domains.pipeline.imaging import fit_images, sample_images, write_digits

app = typer.Typer(help="Synthetic images under labels, from a folder of equal-sized PNGs.", no_args_is_help=True)

Device = Annotated[str, typer.Option(help="'cpu' or 'cuda'.")]


@app.command(epilog="Example: simulacra image fit scans --kind gan --out model")
def fit(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="PNGs of one size; folders in it are labels, each with its PNGs.")
    ],
    out: Out,
    kind: Annotated[str, typer.Option(help="'vae' or 'gan'.")] = "vae",
    epochs: Annotated[
        float | None, typer.Option(help="How often each image is seen (default: the kind's).", show_default=False)
    ] = None,
    levels: Annotated[int, typer.Option(help="How many values a pixel has, evenly from black to white.")] = 256,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Train a model on the images in FOLDER, and save it. No privacy is promised.

    OUT/internal has a report with grids of samples and the curves of the losses, beside real images: it must not leave.
    """
    settings = {"kind": kind, "levels": levels} | ({} if epochs is None else {"epochs": epochs})
    with progress(as_json=as_json) as reporter:
        made = fit_images(
            folder, out, settings=settings, seed=seed, device=device, now=datetime.now(UTC), reporter=reporter
        )
    report(
        {"model": str(out), "privacy": "none", **made},
        f"{out}: a model of {made['images']:,} images under {len(made['labels'])} labels (no privacy promised); "
        f"{out}/internal/report.html shows samples; generate with: simulacra image sample {out} --out synthetic",
        as_json=as_json,
    )


@app.command(epilog="Example: simulacra image sample model --images 500 --label 3 --label 8 --out synthetic")
def sample(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that 'simulacra image fit' wrote.")],
    out: Out,
    images: Annotated[int, typer.Option(min=1, help="How many images.")] = 1000,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="A label of which all images are; repeat it for equal parts of several (default: all labels, as "
            "frequent as they were).",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Equal seeds give equal output (default: another one each time).", show_default=False),
    ] = None,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Generate images with a saved model, as PNGs in a folder for each label."""
    chosen = secrets.randbits(31) if seed is None else seed
    with progress(as_json=as_json) as reporter:
        written = sample_images(
            model, out, images=images, labels=label or [], seed=chosen, device=device, reporter=reporter
        )
    report({"out": str(out), "images": written, "seed": chosen}, f"{out}: {written:,} images", as_json=as_json)


@app.command(epilog="Example: simulacra image digits --out digits")
def digits(out: Out, as_json: AsJson = False) -> None:
    """Write the 1,797 handwritten digits that scikit-learn brings: images to try with, which are nobody's secret."""
    written = write_digits(out)
    report(
        {"out": str(out), "images": written},
        f"{out}: {written:,} images; learn from them with: simulacra image fit {out} --levels 17 --out model",
        as_json=as_json,
    )
