"""The labelled corpus of one task: train, validation and test, of exact size and class mix, without leakage.

Units are drawn from a model or a simulator until each class has its number of examples. A unit gives one example,
so that splits share no unit; a row whose features nearly repeat those of an accepted one is passed over.

::

    OUT/schema.yaml, README.md, manifest.json
    OUT/train/, OUT/validation/, OUT/test/      a corpus each
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from domains.base.contract import Domain, Task
from domains.base.registry import domain_named
from domains.pipeline.leaks import SeenRows, features_of, leaks
from domains.pipeline.manifest import inventory
from domains.pipeline.mixing import exact_counts
from domains.pipeline.model import Provenance, load_model
from domains.pipeline.versions import versions
from shared.corpus.corpus import Corpus
from shared.corpus.folders import fresh_folder
from shared.corpus.schema import Schema
from shared.corpus.schema_file import write_schema
from shared.corpus.values import to_text
from shared.corpus.writing import write_corpus
from shared.errors import ConfigurationError, DataError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter, SilentReporter

SPLITS = ("train", "validation", "test")
_BLOCK = 2_000
_LEAST_DRAWS, _DRAWS_PER_EXAMPLE = 40_000, 100


@dataclass(frozen=True, kw_only=True)
class TaskCorpus:
    """What was written: number of rows of each class in each split, and how many units were drawn for it."""

    task: Task
    counts: Mapping[str, Mapping[str, int]]
    drawn: int


def make_task_corpus(
    domain: str,
    task: str,
    size: int,
    *,
    balance: Mapping[str, float] | None,
    shares: Sequence[float],
    out: Path,
    model: Path | None,
    seed: int,
    reporter: Reporter,
) -> TaskCorpus:
    """Write a task corpus of ``size`` examples into a new folder ``out``; equal for equal arguments.

    ``balance`` gives the share of each class (values of the target); ``None`` leaves the mix as it comes. Raises
    ``ConfigurationError`` for a task, class or share that cannot be, ``DataError`` for a class that is too rare.
    """
    named = domain_named(domain)
    schema, blocks = _source(named, model, seed)
    chosen = _task(named, schema, task)
    quotas = None if balance is None else exact_counts(size, balance)
    with fresh_folder(out) as folder:
        examples, labels, drawn = _collect(schema, chosen, size, quotas, blocks, seed, reporter)
        splits = _split(examples, labels, shares, seed)
        found = leaks(splits, chosen, schema.table(chosen.table))
        if found:
            raise DataError(f"the splits leak: {'; '.join(found)}; report this with the seed {seed}")
        counts = {name: dict(Counter(to_text(frame[chosen.target]))) for name, frame in splits.items()}
        made = TaskCorpus(task=chosen, counts=counts, drawn=drawn)
        _write(folder, schema, splits, made, domain=domain, model=model, seed=seed)
    return made


def _source(domain: Domain, model: Path | None, seed: int) -> tuple[Schema, Iterator[pd.DataFrame]]:
    """The schema of what is drawn, and an endless stream of frames of whole units."""
    if model is not None:
        loaded = load_model(model)
        silent = SilentReporter()
        return loaded.schema, loaded.frames(1 << 40, seed=derive(seed, "task corpus"), reporter=silent)
    schema = domain.schema()
    if schema is None:
        raise ConfigurationError(f"domain {domain.name!r} has no simulator; give a model with --model")

    def simulated() -> Iterator[pd.DataFrame]:
        block = 0
        while True:
            corpus = domain.simulate(_BLOCK, seed=derive(seed, "task corpus", block), reporter=SilentReporter())
            yield corpus.tables[schema.tables[0].name]
            block += 1

    return schema, simulated()


def _task(domain: Domain, schema: Schema, name: str) -> Task:
    # Next items have no labelled rows.
    tasks = {task.name: task for task in domain.tasks(schema) if task.kind == "class"}
    if name not in tasks:
        raise ConfigurationError(
            f"domain {domain.name!r} has no task {name!r} for this corpus; it has {', '.join(tasks) or 'none'}"
        )
    return tasks[name]


def _collect(
    schema: Schema,
    task: Task,
    size: int,
    quotas: Mapping[str, int] | None,
    blocks: Iterator[pd.DataFrame],
    seed: int,
    reporter: Reporter,
) -> tuple[pd.DataFrame, list[str], int]:
    """Examples, their classes, and how many units were drawn for them."""
    table = schema.table(task.table)
    seen, units, keys = SeenRows(features_of(task, table)), set[object](), set[object]()
    left = None if quotas is None else dict(quotas)
    kept: list[pd.DataFrame] = []
    labels: list[str] = []
    met: Counter[str] = Counter()
    drawn, random = 0, numpy_generator(seed, "task corpus", "order")
    with reporter.stage("collecting examples", size) as stage:
        for frame in blocks:
            drawn += len(frame) if table.unit is None else int(frame[table.unit].nunique())
            usable = frame[frame[task.target].notna()]
            usable = usable.iloc[random.permutation(len(usable))]
            words = to_text(usable[task.target]).tolist()
            met.update(words)
            chosen = []
            names = usable[table.unit].tolist() if table.unit is not None else [None] * len(usable)
            numbers = usable[table.primary_key].tolist() if table.primary_key is not None else [None] * len(usable)
            for row, (word, key) in enumerate(zip(words, seen.keys(usable), strict=True)):
                full = len(labels) >= size or (left is not None and left.get(word, 0) == 0)
                taken = (names[row] in units if table.unit else False) or (
                    numbers[row] in keys if table.primary_key else False
                )
                if full or taken or seen.near(key):
                    continue
                seen.add(key)
                units.add(names[row])
                keys.add(numbers[row])
                chosen.append(row)
                labels.append(word)
                if left is not None:
                    left[word] -= 1
            kept.append(usable.iloc[chosen])
            stage.advance(len(chosen))
            if len(labels) >= size:
                break
            if drawn >= max(_LEAST_DRAWS, _DRAWS_PER_EXAMPLE * size):
                raise _too_rare(task, size, left, met, drawn)
    return pd.concat(kept, ignore_index=True), labels, drawn


def _too_rare(task: Task, size: int, left: Mapping[str, int] | None, met: Counter[str], drawn: int) -> DataError:
    lacking = {word: count for word, count in (left or {}).items() if count}
    if not lacking:
        return DataError(
            f"task {task.name!r}: {drawn:,} units gave fewer than {size:,} different examples; ask for fewer (--size)"
        )
    word, count = max(lacking.items(), key=lambda item: item[1])
    rate = met[word] / max(1, met.total())
    known = ", ".join(sorted(met))
    advice = "give it a smaller share, or a smaller --size" if met[word] else f"the classes that occur are {known}"
    return DataError(
        f"task {task.name!r}: class {word!r} of {task.target!r} has {100 * rate:.3g} % of the rows, and {count:,} "
        f"examples of it are lacking after {drawn:,} units; {advice}"
    )


def _split(
    examples: pd.DataFrame, labels: Sequence[str], shares: Sequence[float], seed: int
) -> dict[str, pd.DataFrame]:
    """Splits with each class in the given shares; the totals are exact, classes to the row."""
    sizes = exact_counts(len(examples), dict(zip(SPLITS, shares, strict=True)))
    random = numpy_generator(seed, "task corpus", "split")
    order = random.permutation(len(examples))
    ranks = pd.Series(labels, dtype="str").iloc[order].groupby(np.array(labels)[order]).cumcount()
    totals = Counter(labels)
    # A row's place in its class, as a fraction: cutting all classes at once keeps both shares and totals.
    places = [(rank + 0.5) / totals[labels[row]] for row, rank in zip(order, ranks, strict=True)]
    line = order[np.argsort(places, kind="stable")]
    splits, start = {}, 0
    for name in SPLITS:
        rows = line[start : start + sizes[name]]
        start += sizes[name]
        if len(rows):
            splits[name] = examples.iloc[random.permutation(rows)].reset_index(drop=True)
    return splits


def _write(
    folder: Path,
    schema: Schema,
    splits: Mapping[str, pd.DataFrame],
    made: TaskCorpus,
    *,
    domain: str,
    model: Path | None,
    seed: int,
) -> None:
    write_schema(schema, folder / "schema.yaml")
    for name, frame in splits.items():
        (folder / name).mkdir()
        write_corpus(Corpus(schema, {made.task.table: frame}), folder / name)
    (folder / "README.md").write_text(_card(schema, made, domain=domain, model=model), encoding="utf-8")
    provenance = None if model is None else load_model(model).provenance
    content = {
        "format": "simulacra-task-corpus/1",
        "synthetic": True,
        "domain": domain,
        "task": made.task.name,
        "target": made.task.target,
        "features": [column.name for column in features_of(made.task, schema.table(made.task.table))],
        "source": "simulator" if provenance is None else provenance.source,
        "privacy": "no records" if provenance is None else _promise(provenance),
        # Whoever has the model and the seed could draw the examples again.
        **({"seed": seed} if provenance is None else {}),
        "units_drawn": made.drawn,
        "counts": {name: dict(counts) for name, counts in made.counts.items()},
        "versions": dict(versions()),
        "files": {entry.path: {"sha256": entry.sha256, "bytes": entry.size} for entry in inventory(folder)},
    }
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def _promise(provenance: Provenance) -> str:
    made = provenance.promise
    return "none" if made is None else f"({made.epsilon:g}, {made.delta:g})-differential privacy, by {made.unit}"


def _card(schema: Schema, made: TaskCorpus, *, domain: str, model: Path | None) -> str:
    classes = sorted({word for counts in made.counts.values() for word in counts})
    rows = [
        f"| {name} | " + " | ".join(f"{counts.get(word, 0):,}" for word in classes) + f" | {sum(counts.values()):,} |"
        for name, counts in made.counts.items()
    ]
    origin = "the domain's simulator, from public knowledge"
    if model is not None:
        origin = f"a model that was fitted to records; its privacy promise: {_promise(load_model(model).provenance)}"
    features = ", ".join(f"`{column.name}`" for column in features_of(made.task, schema.table(made.task.table)))
    return "\n".join(
        [
            f"# {made.task.name} ({domain})",
            "",
            f"Synthetic examples of one task: {made.task.description or made.task.name}. Drawn from {origin}.",
            "",
            f"Target: `{made.task.target}`. Features: {features}.",
            "",
            "| split | " + " | ".join(classes) + " | all |",
            "|---|" + "---|" * (len(classes) + 1),
            *rows,
            "",
            "Each unit gives one example, so the splits share no unit and no key; no row has the features of a row of",
            "another split, or nearly (numbers within a hundredth of their declared range). The class mix was chosen:",
            "it says nothing about how frequent the classes are.",
            "",
        ]
    )
