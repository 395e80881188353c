"""``simulacra image``."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Out, Seed, progress, report
from domains.pipeline.image_promise import declared_promise
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
    batch: Annotated[
        int | None, typer.Option(min=1, help="Images of a step (default: 64; 256 under a promise).", show_default=False)
    ] = None,
    levels: Annotated[int, typer.Option(help="How many values a pixel has, evenly from black to white.")] = 256,
    epsilon: Annotated[
        float | None, typer.Option(help="Promise ε-δ privacy by image; needs what follows.", show_default=False)
    ] = None,
    delta: Annotated[float | None, typer.Option(help="δ (default: from --images-about).", show_default=False)] = None,
    source: Annotated[
        str | None, typer.Option(help="Id of the images' source, which budgets are charged to.", show_default=False)
    ] = None,
    images_about: Annotated[
        int | None, typer.Option(min=1, help="About how many images there are, declared.", show_default=False)
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHTxCHANNELS of the images, declared.", show_default=False)
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="A label that there is, declared; repeat it for each.", show_default=False),
    ] = None,
    cap: Annotated[
        float | None,
        typer.Option(help="ε that the source may spend over all its releases, once.", show_default=False),
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Train a model on the images in FOLDER, and save it. Without --epsilon no privacy is promised.

    OUT/internal has a report with grids of samples and the curves of the losses, beside real images: it must not leave.
    Under a promise OUT/report.html has grids of samples alone. A run that was killed goes on when the same command is
    given again.
    """
    given = {"epochs": epochs, "batch_units": batch}
    settings = {"kind": kind, "levels": levels} | {key: value for key, value in given.items() if value is not None}
    promise = declared_promise(
        epsilon=epsilon,
        delta=delta,
        source=source,
        images_about=images_about,
        size=size,
        labels=label or [],
        cap=cap,
    )
    with progress(as_json=as_json) as reporter:
        made = fit_images(
            folder,
            out,
            settings=settings,
            seed=seed,
            device=device,
            now=datetime.now(UTC),
            reporter=reporter,
            promise=promise,
        )
    number, said, where = f"{made.get('images', 0):,}", "no privacy promised", f"{out}/internal"
    if promise is not None:
        kept = made["privacy"]
        number, where = f"about {promise.images_about:,}", str(out)
        said = f"ε = {kept['epsilon']:g}, δ = {kept['delta']:g} by image"
    report(
        {"model": str(out), **made},
        f"{out}: a model of {number} images under {len(made['labels'])} labels ({said}); {where}/report.html shows "
        f"samples; generate with: simulacra image sample {out} --out synthetic",
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
