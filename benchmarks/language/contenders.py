"""The contenders: what each learns from, and how."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.language.data import Turn, example, turns
from benchmarks.language.measuring import Measures, Units, measured
from benchmarks.tabular.data import ROOT
from shared.engines.language.adversarial import AdversarialConfig, AdversarialEngine
from shared.engines.language.config import LanguageConfig
from shared.engines.language.conversion import SMOLLM2, converted, packaged_model
from shared.engines.language.engine import LanguageEngine
from shared.randomness import numpy_generator
from shared.training.reporter import Reporter


@dataclass(frozen=True)
class Contender:
    """``examples`` turns are learned from (0: all) with these settings; ``lexical`` ones spell values themselves."""

    title: str
    settings: Mapping[str, Any]
    examples: int = 0
    lexical: bool = False
    temperature: float = 0.8

    def engine(self, settings: LanguageConfig, seed: int) -> LanguageEngine:
        return LanguageEngine.fresh(settings, seed=seed)


@dataclass(frozen=True)
class Adversarial(Contender):
    """An LSTM that goes on against a discriminator."""

    against: AdversarialConfig = field(default_factory=AdversarialConfig)

    def engine(self, settings: LanguageConfig, seed: int) -> LanguageEngine:
        return AdversarialEngine.opposed(settings, self.against, seed=seed)


_ADAPTERS = {"network": "pretrained", "batch_units": 16, "epochs": 1, "learning_rate": 2e-3, "most_tokens": 192}
_SCRATCH = {"batch_units": 32, "most_tokens": 384, "averaging": (0.1, 0.01)}
CONTENDERS = {
    "lora": Contender("SmolLM2, LoRA, placeholders", _ADAPTERS, examples=1500),
    "lora-lexical": Contender("SmolLM2, LoRA, values spelt", _ADAPTERS, examples=1400, lexical=True),
    "lstm": Contender(
        "LSTM over bytes, placeholders", {**_SCRATCH, "network": "lstm", "hidden": 256, "layers": 1, "epochs": 1}
    ),
    "transformer": Contender(
        "transformer over bytes, placeholders",
        {**_SCRATCH, "network": "transformer", "hidden": 128, "layers": 4, "epochs": 1.6},
    ),
    "seqgan": Adversarial(
        "SeqGAN (LSTM), placeholders",
        {**_SCRATCH, "network": "lstm", "hidden": 256, "layers": 1, "epochs": 0.5},
        against=AdversarialConfig(steps=60),
    ),
}


def folder() -> Path:
    """The data, where REAL_DATA says or beside the checkout."""
    return Path(os.environ.get("REAL_DATA", ROOT.parent / "shared" / "data")) / "dialogue" / "sgd"


def base_model(models: Path, reporter: Reporter) -> Path:
    """SmolLM2 as a folder, converted once."""
    return converted(packaged_model(), models, SMOLLM2, reporter=reporter)


def held_out(count: int, seed: int) -> list[Turn]:
    """Turns of the test and dev files that have values to say."""
    found = [turn for part in ("test", "dev") for turn in turns(folder() / part) if turn.slots]
    return [found[i] for i in numpy_generator(seed, "test").permutation(len(found))[:count]]


def training_turns(count: int, seed: int) -> list[Turn]:
    """Turns of the train files: all of them, or some at random of which four fifths have values to say."""
    found = turns(folder() / "train")
    order = [found[i] for i in numpy_generator(seed, "train").permutation(len(found))]
    if not count:
        return order
    saying = [turn for turn in order if turn.slots][: round(0.8 * count)]
    chosen = saying + [turn for turn in order if not turn.slots][: count - len(saying)]
    return [chosen[i] for i in numpy_generator(seed, "mixed").permutation(count)]


def run(
    contender: Contender, test: Sequence[Turn], models: Path, kept: Path, *, seed: int, reporter: Reporter
) -> Measures:
    """Trained and measured; what was trained with the same settings lies in ``kept`` and is not trained again."""
    settings = dict(contender.settings)
    if settings["network"] == "pretrained":
        settings["base"] = str(models / SMOLLM2)
    engine = contender.engine(LanguageConfig.with_settings(settings, private=False), seed)
    examples = [example(turn, lexical=contender.lexical) for turn in training_turns(contender.examples, seed)]
    data = engine.encoded([e.prompt for e in examples], [e.text for e in examples])
    facts = kept / "fit.json"
    known = json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else {}
    if known.get("key") == f"{contender} {seed}":
        engine = LanguageEngine.load(kept, models=models)
    else:
        start = time.process_time()
        summary = engine.fit(data, Units(data.examples), seed=seed, reporter=reporter)
        known = {"key": f"{contender} {seed}", "fit": time.process_time() - start, "steps": summary.steps}
        engine.save(kept)
        facts.write_text(json.dumps(known), encoding="utf-8")
    line = measured(
        contender.title,
        engine,
        test,
        lexical=contender.lexical,
        seed=seed,
        reporter=reporter,
        temperature=contender.temperature,
    )
    return replace(line, fit=known["fit"], steps=known["steps"])
