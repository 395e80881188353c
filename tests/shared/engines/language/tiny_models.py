"""Tiny models, built on the spot."""

from __future__ import annotations

from pathlib import Path

from shared.access.plain import PlainAccess
from shared.engines.language.tokenisers import FILE

COLOURS = ("red", "green", "blue", "pink")
PROMPTS = [f"{colour}\n" for colour in COLOURS]
TEXTS = [f"I like {colour}." for colour in COLOURS]


class StepsAlone(PlainAccess):
    """The plain access of examples that are no table."""

    def __init__(self, units: int) -> None:
        self._units = units


def tokeniser_file(folder: Path) -> None:
    """A byte-level vocabulary with a few longer pieces, and the end of a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    marks = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("I", "Ġ"), ("l", "i"), ("k", "e"), ("li", "ke"), ("r", "e"), ("re", "d")]
    vocabulary = ["<|endoftext|>", *marks, *(a + b for a, b in merges)]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(vocabulary)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(folder / FILE))


def save_llama(folder: Path, *, seed: int = 0, tied: bool = True) -> None:
    """A Llama of two layers with its tokeniser, as a folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(
            LlamaConfig(
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                vocab_size=263,
                eos_token_id=0,
                tie_word_embeddings=tied,
            )
        )
    model.save_pretrained(folder)
    tokeniser_file(folder)
