"""Gradients of single texts under privacy: those of autograd, for every network, and they move what is trained.

A version of peft once left opacus without the gradients of adapters, and training went on with noise alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from privacy import per_example
from privacy.access import PrivateAccess
from shared.access.contract import Phase
from shared.corpus.schema import Column
from shared.engines.language.config import LanguageConfig
from shared.engines.language.engine import LanguageEngine
from shared.training.reporter import SilentReporter

GROUPS = np.array([0, 2, 3, 3, 5])  # four units with two, one, no and two texts
PROMPTS, TEXTS = ["a", "bc", "d", "ef", "g"], ["hello", "I like", "you", "", "and so on"]
CAP, NORM = 2, 0.05


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("base")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        small = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1}
        LlamaForCausalLM(
            LlamaConfig(num_hidden_layers=2, vocab_size=257, eos_token_id=0, tie_word_embeddings=True, **small)
        ).save_pretrained(folder)
    pieces = ["<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def made(network: str, base: Path) -> LanguageEngine:
    settings = {"network": network, "hidden": 16, "embedding": 8, "heads": 2, "layers": 2, "most_tokens": 24}
    if network == "pretrained":
        settings |= {"base": str(base), "rank": 2}
    engine = LanguageEngine.fresh(LanguageConfig.with_settings(settings, private=True), seed=1)
    if network == "pretrained":
        # Adapters begin at a product of zero, where half of the gradients vanish.
        with torch.no_grad():
            for parameter in engine.network.learned.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    engine.network.train()
    return engine


def parameters(engine: LanguageEngine) -> list[torch.nn.Parameter]:
    return [p for p in engine.network.learned.parameters() if p.requires_grad]


@pytest.mark.parametrize("network", ["lstm", "transformer", "pretrained"])
def test_the_clipped_sum_over_units_is_that_of_a_loop_with_autograd(network, base):
    engine = made(network, base)
    data = engine.encoded(PROMPTS, TEXTS, groups=GROUPS)
    losses = engine._losses(data)
    expected = [torch.zeros_like(p) for p in parameters(engine)]
    for unit in (0, 1, 3):
        loss = losses(np.array([unit])).values.sum() / CAP
        gradients = torch.autograd.grad(loss, parameters(engine))
        norm = torch.sqrt(sum(g.square().sum() for g in gradients))
        assert norm > NORM  # or nothing would be clipped
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient * min(1.0, NORM / float(norm))
    phase = Phase(engine.network.learned, losses)
    per_example.accumulate_clipped(phase, np.arange(4), cap=CAP, norm=NORM)
    for parameter, total in zip(parameters(engine), expected, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, total, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("network", ["lstm", "transformer", "pretrained"])
def test_private_steps_move_every_trained_weight_towards_the_texts(network, base, calibrated, unit_frame, silent):
    """Without noise, so that what moves the weights can only be gradients."""
    units = unit_frame([Column(name="x", kind="integer")], {"id": list("aabcdd"), "x": [1] * 6})
    mechanisms = calibrated(rows=CAP, units_about=4, batch_units=2, steps=30)
    engine = made(network, base)
    data = engine.encoded([*PROMPTS, "z"], [*TEXTS, "hello"], groups=np.array([0, 2, 3, 4, 6]))
    before = [p.detach().clone() for p in parameters(engine)]
    density = engine.log_density(data).sum()
    access = PrivateAccess(units, mechanisms, noise=silent)
    summary = engine.fit(data, access, seed=1, reporter=SilentReporter())
    assert summary.steps == mechanisms.steps
    assert not any(torch.equal(a, b) for a, b in zip(before, parameters(engine), strict=True))
    assert engine.log_density(data).sum() > density


def test_no_noise_reaches_a_frozen_base_and_all_of_it_reaches_adapters(base, calibrated, unit_frame):
    units = unit_frame([Column(name="x", kind="integer")], {"id": list("abcde"), "x": [1] * 5})
    engine = made("pretrained", base)
    data = engine.encoded(PROMPTS, TEXTS)
    frozen = {k: v.clone() for k, v in engine.network.model.state_dict().items() if "lora" not in k}
    access = PrivateAccess(units, calibrated(rows=1, units_about=5, batch_units=1, steps=2))
    before = [p.detach().clone() for p in parameters(engine)]
    engine.fit(data, access, seed=1, reporter=SilentReporter())
    assert all(torch.equal(v, frozen[k]) for k, v in engine.network.model.state_dict().items() if "lora" not in k)
    assert all(bool((a != b).all()) for a, b in zip(before, parameters(engine), strict=True))
