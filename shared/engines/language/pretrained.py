"""Causal models of Hugging Face from a local folder, whole or with LoRA adapters. Nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shared.engines.language.networks import Cache, CausalNetwork
from shared.errors import ConfigurationError, DataError

_BLOCK = 1 << 22


def fingerprint(folder: Path) -> str:
    """SHA-256 over what makes a model what it is: its configuration, weights and tokeniser, by name and content."""
    names = sorted(
        path.name
        for path in folder.iterdir()
        if path.name in ("config.json", "tokenizer.json") or path.suffix == ".safetensors"
    )
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise DataError(f"{folder} holds no model (config.json and *.safetensors); give the folder of a causal model")
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + b"\0")
        with (folder / name).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


class PretrainedCache:
    """Transformers' cache of keys and values, and which places are no padding, ``(batch, length)``."""

    def __init__(self, past: Any, present: Tensor) -> None:
        self.past = past
        self.present = present

    def select(self, rows: Tensor) -> PretrainedCache:
        self.past.batch_select_indices(rows)
        return PretrainedCache(self.past, self.present[rows])


class PretrainedNetwork(CausalNetwork):
    """A causal model of transformers. With adapters, they alone are ``learned``; the model stays as it is."""

    def __init__(self, model: Any, *, most_tokens: int, adapters: nn.ModuleDict | None) -> None:
        super().__init__()
        self.model = model
        self._most_tokens = most_tokens
        # A plain list keeps the adapters' second home out of this module's own parameters.
        self._adapters = [] if adapters is None else [adapters]
        self.decoder_is_all = self._decoder_is_all()

    @property
    def most_tokens(self) -> int:
        return self._most_tokens

    @property
    def learned(self) -> nn.Module:
        return self._adapters[0] if self._adapters else self.model

    def hidden(self, tokens: Tensor) -> Tensor:
        # Positions of shape (batch, length), not (1, length): opacus stacks by row.
        places = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        if self.decoder_is_all:
            return self.model.get_decoder()(input_ids=tokens, position_ids=places, use_cache=False).last_hidden_state
        return self.model(input_ids=tokens, position_ids=places, use_cache=False).logits

    def logits(self, hidden: Tensor) -> Tensor:
        return self.model.get_output_embeddings()(hidden).float() if self.decoder_is_all else hidden.float()

    def begin(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Cache]:
        places = (present.cumsum(1) - 1).clamp(min=0)
        return self._ran(tokens, places, present, None)

    def advance(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        assert isinstance(cache, PretrainedCache)
        places = cache.present.sum(1)[:, None]
        present = torch.cat([cache.present, torch.ones_like(cache.present[:, :1])], dim=1)
        return self._ran(tokens[:, None], places, present, cache.past)

    def _ran(self, tokens: Tensor, places: Tensor, present: Tensor, past: Any) -> tuple[Tensor, Cache]:
        from transformers import DynamicCache

        ran = self.model(
            input_ids=tokens,
            attention_mask=present.long(),
            position_ids=places,
            cache=DynamicCache(config=self.model.config) if past is None else past,
            use_cache=True,
            logits_to_keep=1,
        )
        # The name of the keyword and of the attribute changed; the object is the one that went in.
        kept = getattr(ran, "cache", None)
        return ran.logits[:, -1].float(), PretrainedCache(ran.past_key_values if kept is None else kept, present)

    def _decoder_is_all(self) -> bool:
        """Whether logits are the head of the decoder's states; some models scale or cap them in between."""
        tokens = torch.zeros(1, 2, dtype=torch.long, device=next(self.model.parameters()).device)
        with torch.no_grad():
            states = self.model.get_decoder()(input_ids=tokens, use_cache=False).last_hidden_state
            return bool(
                torch.allclose(
                    self.model.get_output_embeddings()(states).float(),
                    self.model(input_ids=tokens, use_cache=False).logits.float(),
                    atol=1e-3,
                )
            )


def pretrained(
    folder: Path, *, rank: int, scale: float, precision: str, most_tokens: int, generator: torch.Generator
) -> PretrainedNetwork:
    """The model in ``folder``, with fresh adapters of that rank or, at rank 0, all of it to be trained."""
    try:
        import peft
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise ConfigurationError("pretrained models need the extra: install simulacra[language]") from error
    if not (folder / "config.json").is_file():
        raise ConfigurationError(f"{folder} holds no model; give the folder of a causal model, or run `make models`")
    with quietly():
        try:
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32 if rank == 0 else getattr(torch, precision),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
            )
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{folder} holds no causal model that can be read ({reason})") from error
    if rank == 0:
        return PretrainedNetwork(model, most_tokens=most_tokens, adapters=None)
    # peft draws its first weights from torch's global state: left as it was, and drawn anew below.
    with torch.random.fork_rng(devices=[]):
        settings = peft.LoraConfig(
            r=rank, lora_alpha=scale, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=True
        )
        adapted = peft.get_peft_model(model, settings)
    adapters = nn.ModuleDict()
    for name, module in adapted.named_modules():
        if name.endswith((".lora_A.default", ".lora_B.default")):
            adapters[name.removeprefix("base_model.model.").replace(".", "/")] = module.float()
    for name, module in adapters.items():
        assert isinstance(module, nn.Linear)
        if "lora_A" in name:
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
        else:
            nn.init.zeros_(module.weight)
    if not len(adapters):
        raise ConfigurationError(f"{folder}: the model has no linear layers to adapt; give rank 0 to train all of it")
    return PretrainedNetwork(adapted.get_base_model(), most_tokens=most_tokens, adapters=adapters)


def end_of(folder: Path) -> int | None:
    """The id that ends a text by the model's configuration."""
    import json

    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    end = content.get("eos_token_id")
    return int(end[0]) if isinstance(end, list) else None if end is None else int(end)


@contextmanager
def quietly() -> Iterator[None]:
    """Transformers' own bars and advice stay silent; what matters is raised."""
    from transformers.utils import logging as told

    level, bars = told.get_verbosity(), told.is_progress_bar_enabled()
    told.set_verbosity(logging.ERROR)
    told.disable_progress_bar()
    try:
        yield
    finally:
        told.set_verbosity(level)
        if bars:
            told.enable_progress_bar()
