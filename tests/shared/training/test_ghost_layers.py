"""Closed forms against autograd, row by row and pair by pair."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from shared.training.example_norms import GhostLayer, ghost_layers, recording
from shared.training.ghost_layers import BlockLinear, ColumnEmbedding, MaskedBlockLinear

ROWS = 6


def embedding() -> tuple[GhostLayer, Tensor]:
    layer = ColumnEmbedding((3, 2), 4)
    layer.reset(torch.Generator().manual_seed(1))
    # Codes repeat across rows, so that pairs of rows share a vector.
    codes = torch.tensor([[0, 1], [0, 0], [2, 1], [1, 1], [0, 1], [2, 0]])
    return layer, codes


def masked() -> tuple[GhostLayer, Tensor]:
    layer = MaskedBlockLinear(torch.ones(3, 3, dtype=torch.bool).triu(1), 2, 5)
    layer.reset(torch.Generator().manual_seed(1))
    return layer, torch.randn(ROWS, 3, 2, generator=torch.Generator().manual_seed(2))


def wide() -> tuple[GhostLayer, Tensor]:
    """So many blocks that the product is cut into strips; the first two are seen by all, as context is."""
    before = torch.ones(33, 33, dtype=torch.bool).triu(1)
    layer = MaskedBlockLinear(torch.cat([torch.ones(2, 33, dtype=torch.bool), before]), 2, 3)
    layer.reset(torch.Generator().manual_seed(1))
    return layer, torch.randn(ROWS, 35, 2, generator=torch.Generator().manual_seed(2))


def block() -> tuple[GhostLayer, Tensor]:
    layer = BlockLinear(3, 4, 5)
    layer.reset(torch.Generator().manual_seed(1))
    return layer, torch.randn(3, ROWS, 4, generator=torch.Generator().manual_seed(2))


LAYERS = [embedding, masked, wide, block]


def row_dimension(layer: GhostLayer) -> int:
    return 0 if isinstance(layer, ColumnEmbedding) else 1


def losses_of_rows(layer: GhostLayer, outputs: Tensor) -> Tensor:
    """A loss a row that is not linear in the outputs, shape (rows,)."""
    return outputs.movedim(row_dimension(layer), 0).reshape(ROWS, -1).pow(3).sum(1)


def autograd_gradients(layer: GhostLayer, inputs: Tensor) -> Tensor:
    """One flat gradient a row, shape (rows, parameters)."""
    losses = losses_of_rows(layer, layer(inputs))
    gradients = [torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True) for loss in losses]
    return torch.stack([torch.cat([g.reshape(-1) for g in row]) for row in gradients])


@pytest.mark.parametrize("make", LAYERS)
def test_products_of_all_pairs_equal_autograds(make: Callable[[], tuple[GhostLayer, Tensor]]) -> None:
    layer, inputs = make()
    gradients = autograd_gradients(layer, inputs)
    first, second = torch.triu_indices(ROWS, ROWS, 1)
    with recording([layer]):
        losses = losses_of_rows(layer, layer(inputs))
        assert layer.record is not None
        (signal,) = torch.autograd.grad(losses.sum(), [layer.record[1]])
        own, pairs = layer.products(signal, None, None), layer.products(signal, first, second)
    torch.testing.assert_close(own, gradients.square().sum(1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(pairs, (gradients[first] * gradients[second]).sum(1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", LAYERS)
def test_weighted_gradients_equal_autograds(make: Callable[[], tuple[GhostLayer, Tensor]]) -> None:
    layer, inputs = make()
    weights = torch.rand(ROWS, generator=torch.Generator().manual_seed(3))
    expected = autograd_gradients(layer, inputs).T @ weights
    with recording([layer]):
        losses = losses_of_rows(layer, layer(inputs))
        assert layer.record is not None
        (signal,) = torch.autograd.grad(losses.sum(), [layer.record[1]])
        layer.accumulate(signal, weights)
        layer.accumulate(signal, weights)  # gradients add up
    actual = torch.cat([parameter.grad.reshape(-1) for parameter in layer.parameters() if parameter.grad is not None])
    torch.testing.assert_close(actual, 2 * expected, rtol=1e-5, atol=1e-5)


def test_recording_forms_no_weight_gradients() -> None:
    layer, inputs = block()
    with recording([layer]):
        outputs = layer(inputs)
        outputs.sum().backward()
    assert all(parameter.grad is None for parameter in layer.parameters())
    assert layer.record is None, "nothing computed on records is kept after the step"


def test_a_parameter_outside_of_ghost_layers_is_noticed() -> None:
    inside = torch.nn.Sequential(BlockLinear(1, 2, 2))
    assert ghost_layers(inside) is not None
    assert ghost_layers(torch.nn.Sequential(BlockLinear(1, 2, 2), torch.nn.Linear(2, 2))) is None


def test_a_hidden_source_has_no_influence() -> None:
    layer, inputs = masked()
    changed = inputs.clone()
    changed[:, 1:] += 1.0
    torch.testing.assert_close(layer(inputs)[:2], layer(changed)[:2])


def test_strips_of_a_wide_product_and_their_gradients_are_those_of_the_whole_matrix() -> None:
    layer, inputs = wide()
    assert isinstance(layer, MaskedBlockLinear)
    inputs.requires_grad_()

    def whole(read: Tensor) -> Tensor:
        product = read.reshape(ROWS, -1) @ layer.matrix() + layer.bias.reshape(-1)
        return product.view(ROWS, 33, 3).transpose(0, 1)

    torch.testing.assert_close(layer(inputs), whole(inputs))
    parameters = [inputs, *layer.parameters()]
    cut = torch.autograd.grad(layer(inputs).pow(3).sum(), parameters)
    dense = torch.autograd.grad(whole(inputs).pow(3).sum(), parameters)
    for one, other in zip(cut, dense, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
