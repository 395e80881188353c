"""The commands, put together."""

from __future__ import annotations

import os
from typing import Annotated

import torch
import typer

from domains.cli import (
    adapt,
    balance,
    clean,
    compare,
    complete,
    copy,
    corpus,
    deidentify,
    evaluate,
    fit,
    fuse,
    image,
    keys,
    ledger,
    publish,
    release,
    sample,
    schema,
    simulate,
    tune,
    verify,
)
from domains.pipeline.versions import suite_version

app = typer.Typer(
    name="simulacra",
    help="Synthetic stand-ins for data that cannot be shared, with an audited privacy promise.",
    epilog=(
        "A first release without anybody's records: simulacra release examples/medical/demo.yaml --out demo    "
        "Exit codes: 0 done, 2 bad input or configuration, 3 gate refused, 4 budget refused, 5 interrupted, "
        "6 verification failed."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"simulacra {suite_version()}")
        raise typer.Exit


@app.callback()
def options(
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads of the numeric libraries (default: OMP_NUM_THREADS, else 1).", show_default=False
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Synthetic stand-ins for data that cannot be shared, with an audited privacy promise."""
    del debug, version  # main looks for --debug itself, so that it holds for errors of any command
    if threads is not None:
        torch.set_num_threads(threads)
    elif not os.environ.get("OMP_NUM_THREADS"):
        # Threads that wait for a busy core cost far more than they bring on data of this size.
        torch.set_num_threads(1)


app.command(epilog="Example: simulacra simulate medical --units 1000 --seed 1 --out first-corpus")(simulate.simulate)
app.add_typer(schema.app, name="schema")
app.command(
    epilog="Example: simulacra copy hospital postgresql://user@host/clinic --schema hospital/schema.yaml    "
    "A password belongs into PGPASSWORD or ~/.pgpass, not into the URL."
)(copy.copy)
app.command(
    epilog="Example: simulacra clean visits.csv --schema schema.yaml --out plan, then with --apply plan --out cleaned"
)(clean.clean)
app.command(
    epilog="Example: simulacra deidentify notes.csv --schema schema.yaml --column notes.author=name --out clean"
)(deidentify.deidentify)
app.command(
    epilog="Example: simulacra corpus medical --task admission --size 900 --balance inpatient=.5,emergency=.5 --out T"
)(corpus.corpus)
app.command(epilog="Example: simulacra fit examples/medical/demo.yaml --out model")(fit.fit)
app.command(epilog="Example: simulacra sample model --units 100000 --seed 7 --out synthetic")(sample.sample)
app.command(epilog="Example: simulacra adapt site-b.yaml model-of-site-a --out model-of-site-b")(adapt.adapt)
app.command(epilog="Example: simulacra balance model --column income --mix '>50K=.5,<=50K=.5' --out balanced")(
    balance.balance
)
app.command(epilog="Example: simulacra complete model --records gaps.csv --times 5 --out completed")(complete.complete)
app.command(epilog="Example: simulacra fuse adult.yaml model --column income --mix '>50K=.5,<=50K=.5' --out fused")(
    fuse.fuse
)
app.command(
    epilog="Example: simulacra evaluate --schema schema.yaml --unit patient_id --train train.csv --holdout holdout.csv "
    "--synthetic synthetic/ --out evaluation"
)(evaluate.evaluate)
app.command(epilog="Example: simulacra release examples/medical/demo.yaml --out releases/demo")(release.release)
app.command(epilog="Example: simulacra compare releases/versions/FIRST releases --out comparison.html")(compare.compare)
app.command(epilog="Example: simulacra publish releases/demo s3://bucket/demo")(publish.publish)
app.command(epilog="Example: simulacra fetch s3://bucket/demo --out demo")(publish.fetch)
app.command(epilog="Example: simulacra verify releases --key hospital.pub")(verify.verify)
app.command("tune", epilog="Example: simulacra tune adult.yaml --engines sequence,vae --out adult-tuned.yaml")(
    tune.tune_
)
app.add_typer(ledger.app, name="ledger")
app.add_typer(keys.app, name="keys")
app.add_typer(image.app, name="image")
