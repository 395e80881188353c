"""Clipped sums of gradients by unit: against a loop over units, on ghost layers and through opacus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from privacy import per_example
from privacy.clipping import (
    accumulate_clipped,
    check_not_shared,
    clipping_factors,
    pairs_of_rows,
    squared_norms,
)
from shared.access.contract import Phase, RowLosses
from shared.errors import ConfigurationError
from shared.training.example_norms import ghost_layers, recording
from shared.training.ghost_layers import BlockLinear, ColumnEmbedding, MaskedBlockLinear

SIZES = (3, 4)
CAP, NORM = 4, 0.8
ROWS = {"one row": [1] * 12, "four rows": [4] * 12, "mixed": [1, 4, 2, 1, 3, 4, 4, 1, 2, 3, 1, 4]}


class GhostNet(nn.Module):
    """Codes of two columns to the log-likelihood of one of four classes in each of three blocks."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.embedding = ColumnEmbedding(SIZES, 2)
        self.hidden = MaskedBlockLinear(torch.tensor([[1, 1, 0], [0, 1, 1]]), 2, 5)
        self.heads = BlockLinear(3, 5, 4)
        for layer in (self.embedding, self.hidden, self.heads):
            layer.reset(generator)
        self.double()

    def forward(self, codes: Tensor) -> Tensor:
        logits = self.heads(torch.relu(self.hidden(self.embedding(codes))))
        return -logits.log_softmax(-1)[..., 0].sum(0)


class FlatNet(nn.Module):
    """Layers that opacus knows."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(max(SIZES), 3)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(6, 7), nn.LayerNorm(7), nn.Tanh(), nn.Linear(7, 4))
        self.double()

    def forward(self, codes: Tensor) -> Tensor:
        return -self.layers(self.embedding(codes)).log_softmax(-1)[..., 0]


class World:
    """Units of rows of codes, and the phase that gives their losses under a module."""

    def __init__(self, module: nn.Module, rows: list[int], scale: float = 1.0) -> None:
        random = np.random.default_rng(1)
        self.offsets = np.concatenate([[0], np.cumsum(rows)])
        self.codes = torch.from_numpy(np.stack([random.integers(0, size, self.offsets[-1]) for size in SIZES], 1))
        self.scales = torch.full((int(self.offsets[-1]),), scale, dtype=torch.float64)
        self.units = np.arange(len(rows))
        self.phase = Phase(module, self.losses)

    def losses(self, units: np.ndarray) -> RowLosses:
        rows = np.concatenate([np.arange(self.offsets[u], self.offsets[u + 1]) for u in units])
        owner = np.repeat(np.arange(len(units)), np.diff(self.offsets)[units])
        return RowLosses(self.phase.module(self.codes[rows]) * self.scales[rows], torch.from_numpy(owner))

    def unit_gradients(self) -> list[Tensor]:
        """By autograd, one unit at a time: gradients of Σ loss / cap over all parameters, flat."""
        parameters = list(self.phase.module.parameters())
        gradients = []
        for unit in self.units:
            loss = self.losses(np.array([unit])).values.sum() / CAP
            gradients.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]))
        return gradients

    def clipped_sum(self) -> Tensor:
        return sum(g * min(1.0, NORM / float(g.norm())) for g in self.unit_gradients())


def _ghost(world: World, units: np.ndarray | None = None, norm: float = NORM) -> Tensor:
    module = world.phase.module
    module.zero_grad()
    layers = ghost_layers(module)
    accumulate_clipped(world.phase, layers, world.units if units is None else units, cap=CAP, norm=norm)
    return _gradient(module)


def _opacus(world: World, units: np.ndarray | None = None, norm: float = NORM) -> Tensor:
    world.phase.module.zero_grad()
    per_example.accumulate_clipped(world.phase, world.units if units is None else units, cap=CAP, norm=norm)
    return _gradient(world.phase.module)


def _gradient(module: nn.Module) -> Tensor:
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    return torch.cat([part.flatten() for part in parts])


PATHS = [pytest.param(_ghost, GhostNet, id="ghost"), pytest.param(_opacus, FlatNet, id="opacus")]
Path = Callable[..., Tensor]


@pytest.mark.parametrize(("path", "net"), PATHS)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS.keys())
def test_the_clipped_sum_is_that_of_a_loop_over_units(path: Path, net, rows):
    world = World(net(), rows)
    norms = [float(g.norm()) for g in world.unit_gradients()]
    assert min(norms) < NORM < max(norms) or len(set(rows)) == 1  # some are clipped and some are not
    expected = world.clipped_sum()
    assert float((path(world) - expected).norm() / expected.norm()) < 1e-6


def test_the_root_sum_square_of_row_norms_fails_the_same_test():
    """What is wrong for units of several rows is caught by the comparison above."""
    world = World(GhostNet(), ROWS["four rows"])
    layers = ghost_layers(world.phase.module)
    with recording(layers):
        losses = world.losses(world.units)
        signals = torch.autograd.grad(losses.values.sum() / CAP, [layer.record[1] for layer in layers])
        reached = list(zip(layers, signals, strict=True))
        right = squared_norms(reached, losses.unit_of_row, len(world.units))
        rows = sum(layer.products(signal, None, None) for layer, signal in reached)
        flawed = torch.zeros_like(right).index_add_(0, losses.unit_of_row, rows)
        world.phase.module.zero_grad()
        for layer, signal in reached:
            layer.accumulate(signal, clipping_factors(flawed, NORM)[losses.unit_of_row])
    expected = world.clipped_sum()
    assert float((_gradient(world.phase.module) - expected).norm() / expected.norm()) > 1e-2
    truth = torch.stack([g.square().sum() for g in world.unit_gradients()])
    assert torch.allclose(right, truth, rtol=1e-9)
    assert float((truth / flawed).max()) > 1.5


@pytest.mark.parametrize(("path", "net"), PATHS)
def test_a_unit_with_huge_losses_changes_the_sum_by_the_clipping_norm_and_no_more(path: Path, net):
    world = World(net(), [1, 2, 4, 3, 4])
    world.scales[-4:] = 1e6
    change = path(world) - path(world, world.units[:-1])
    assert float(change.norm()) == pytest.approx(NORM, rel=1e-6)


@pytest.mark.parametrize(("path", "net"), PATHS)
def test_a_unit_whose_huge_gradients_cancel_stays_within_the_clipping_norm_in_single_precision(path: Path, net):
    """In the rounding errors of four gradients of 1e6 lie norms of hundreds: no such unit may pass as small."""
    world = World(net().float(), [1, 4])
    world.codes[1:] = world.codes[1]
    before, random = path(world, world.units[:1]).double(), np.random.default_rng(5)
    for _ in range(30):
        noise = random.integers(-100, 100, 4)
        world.scales = torch.tensor([1.0, *(np.array([1e6, -1e6, 1e6, -1e6]) + noise)], dtype=torch.float32)
        assert float((path(world).double() - before).norm()) <= NORM * 1.01


@pytest.mark.parametrize(("path", "net"), PATHS)
def test_a_unit_with_a_gradient_that_is_no_number_counts_as_zero(path: Path, net):
    world = World(net(), [1, 4, 2, 3])
    world.scales[2] = float("nan")
    assert torch.allclose(path(world), path(world, np.array([0, 2, 3])), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("path", "net"), PATHS)
def test_only_the_losses_of_units_that_count_are_returned(path: Path, net):
    world = World(net(), [1, 4, 2])
    world.scales[2] = float("nan")
    if path is _ghost:
        used = accumulate_clipped(world.phase, ghost_layers(world.phase.module), world.units, cap=CAP, norm=NORM)
    else:
        used = per_example.accumulate_clipped(world.phase, world.units, cap=CAP, norm=NORM)
    assert used.shape == (3,)
    assert not used.requires_grad


@pytest.mark.parametrize(("path", "net"), PATHS)
def test_sums_of_parts_add_up(path: Path, net):
    world = World(net(), ROWS["mixed"])
    whole = path(world)
    parts = sum(path(world, part) for part in np.array_split(world.units, 3))
    assert torch.allclose(whole, parts, rtol=1e-10)
    if path is _ghost:
        module = world.phase.module
        module.zero_grad()
        for part in np.array_split(world.units, 3):
            accumulate_clipped(world.phase, ghost_layers(module), part, cap=CAP, norm=NORM)
        assert torch.allclose(whole, _gradient(module), rtol=1e-10)


@pytest.mark.parametrize(("path", "net"), PATHS)
def test_no_unit_gives_no_gradient(path: Path, net):
    world = World(net(), [1])
    assert not path(world, np.zeros(0, dtype=np.int64)).any()


def test_a_layer_that_was_not_called_stays_without_a_gradient():
    world = World(GhostNet(), [1, 2])
    world.phase.module.unused = BlockLinear(1, 2, 2).double()
    world.phase.module.unused.reset(torch.Generator())
    _ghost(world)
    assert world.phase.module.unused.weight.grad is None


def test_pairs_are_all_pairs_of_rows_of_a_unit():
    owner = torch.tensor([0, 1, 1, 2, 2, 2])
    pairs = {(int(a), int(b)) for first, second in pairs_of_rows(owner) for a, b in zip(first, second, strict=True)}
    assert pairs == {(1, 2), (3, 4), (3, 5), (4, 5)}


@pytest.mark.parametrize(
    ("values", "owner", "wanted"),
    [
        (torch.zeros(2, 2), torch.zeros(2, 2), "needs one loss and one unit a row"),
        (torch.zeros(2), torch.tensor([1, 0]), "do not ascend or were not drawn"),
        (torch.zeros(2), torch.tensor([0, 7]), "do not ascend or were not drawn"),
    ],
)
def test_losses_that_do_not_say_whose_they_are_are_refused(values, owner, wanted):
    net = GhostNet()
    phase = Phase(net, lambda units: RowLosses(values, owner))
    with pytest.raises(ConfigurationError, match=wanted):
        accumulate_clipped(phase, ghost_layers(net), np.arange(2), cap=CAP, norm=NORM)


def test_ghost_layers_that_share_a_parameter_are_refused():
    first, second = BlockLinear(1, 2, 2), BlockLinear(1, 2, 2)
    second.weight = first.weight
    with pytest.raises(ConfigurationError, match="'weight' of BlockLinear belongs to two layers"):
        check_not_shared([first, second])


class TiedNet(FlatNet):
    """One matrix used both as a layer and by hand, which opacus's hooks do not see."""

    def forward(self, codes: Tensor) -> Tensor:
        vectors = self.embedding(codes).flatten(1)
        return (vectors @ self.layers[1].weight.T).sum(1) + self.layers(self.embedding(codes) * 2).sum(1)


class NormedNet(FlatNet):
    """Batch normalisation mixes rows."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(6, 7), nn.BatchNorm1d(7), nn.Linear(7, 4)).double()


@pytest.mark.parametrize(
    ("net", "wanted"),
    [
        (NormedNet, r"opacus cannot give the gradients of single rows .*BatchNorm1d.*ModuleValidator.fix"),
        (TiedNet, "do not add up to autograd's"),
    ],
)
def test_modules_that_opacus_cannot_handle_are_refused(net, wanted):
    with pytest.raises(ConfigurationError, match=wanted) as caught:
        _opacus(World(net(), [1, 2, 1]))
    assert "\n" not in str(caught.value)


def test_opacus_needs_training_mode():
    with pytest.raises(ConfigurationError, match="only in training mode"):
        _opacus(World(FlatNet().eval(), [1, 2]))


def test_opacus_leaves_no_trace_on_the_module():
    net = FlatNet()
    before = {name: set(vars(part)) for name, part in net.named_modules()}
    _opacus(World(net, [1, 2]))
    assert {name: set(vars(part)) for name, part in net.named_modules()} == before
    assert not any(hasattr(p, "grad_sample") for p in net.parameters())
    assert not any(part._forward_hooks or part._backward_hooks for part in net.modules())
