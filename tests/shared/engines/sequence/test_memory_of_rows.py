"""What a row knows of all earlier rows of its unit: by attention, and by codes that come again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from privacy.clipping import squared_norms
from shared.engines.encoded import Histories, Rows
from shared.engines.sequence.inputs import Examples
from shared.engines.sequence.network import NetworkShape, RowNetwork
from shared.engines.sequence.sampling import Sampler, Step
from shared.training.example_norms import ghost_layers, recording

SIZES = (2, 5, 4, 3)
WORDS = ((), (0, 1, 2, 3, -1), (3, 2, 7, 0), ())


def network_of(most_rows: int, window: int) -> RowNetwork:
    shape = NetworkShape(
        unit_columns=1,
        sizes=SIZES,
        most_rows=most_rows,
        embedding=4,
        hidden=8,
        context=8,
        window=window,
        attention=2,
        words=WORDS,
    )
    network = RowNetwork(shape)
    generator = torch.Generator().manual_seed(0)
    network.reset([np.ones(size) for size in SIZES], generator)
    with torch.no_grad():
        network.recall.gates.weight.normal_(generator=generator)
        network.recall.gates.bias.normal_(generator=generator)
    return network.eval()


def histories(counts: NDArray[np.int64], seed: int = 0) -> Histories:
    random = np.random.default_rng(seed)
    units = random.integers(0, SIZES[0], (len(counts), 1)).astype(np.int32)
    rows = np.stack([random.integers(0, size, counts.sum()) for size in SIZES[1:]], axis=1).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Histories(Rows(units, SIZES[:1], ("u",)), Rows(rows, SIZES[1:], ("a", "b", "c")), offsets)


def column_losses(network: RowNetwork, data: Histories) -> tuple[Tensor, Tensor]:
    inputs, weights, unit_of_row = Examples(data, network.shape, torch.device("cpu")).take(np.arange(len(data)))
    assert weights is not None
    return network.losses(inputs) * weights, unit_of_row


def told_losses(network: RowNetwork, data: Histories) -> Tensor:
    """The same as a sampler sees it that draws row by row, with every code told; ``(units, places, columns)``."""
    sampler = Sampler.build(network, ("u", "a", "b", "c"), [0.0, 1.0], (), torch.device("cpu"))
    counts = torch.from_numpy(data.rows_per_unit)
    truth = torch.zeros(len(data), int(counts.max()), len(SIZES), dtype=torch.int64)
    for unit in range(len(data)):
        rows = data.rows.codes[data.offsets[unit] : data.offsets[unit + 1]]
        truth[unit, : len(rows), 1:] = torch.from_numpy(rows.astype(np.int64))
        truth[unit, :, 0] = int(data.units.codes[unit, 0])
    losses = torch.zeros(truth.shape)
    with torch.no_grad():
        for place, active, past in sampler.pasts(counts, truth):
            row = truth[active, place]

            def told(step: Step, place: int = place, active: Tensor = active, row: Tensor = row) -> Tensor:
                code = row[:, step.column]
                logs = torch.log_softmax(sampler.logits(step), 1)
                losses[active, place, step.column] = -logs.gather(1, code[:, None]).squeeze(1)
                return code

            sampler.row(counts[active], place, past, row[:, :1] if place else None, told)
    return losses


@pytest.mark.parametrize("window", [64, 3])
def test_what_is_drawn_row_by_row_has_the_density_that_is_trained(window: int) -> None:
    network = network_of(9, window)
    data = histories(np.array([1, 9, 4, 2, 7]))
    with torch.no_grad():
        together, _ = column_losses(network, data)
    by_row = told_losses(network, data)
    apart = torch.cat([by_row[unit, :count] for unit, count in enumerate(data.rows_per_unit)])
    torch.testing.assert_close(apart, together, rtol=1e-4, atol=1e-4)


def test_a_row_depends_on_all_rows_before_it_in_its_unit_and_on_no_other() -> None:
    network = network_of(6, 64)
    data = histories(np.array([6, 6, 6]))
    with torch.no_grad():
        before, _ = column_losses(network, data)
        changed = data.rows.codes.copy()
        changed[7, 2] = (changed[7, 2] + 1) % SIZES[3]  # the last column of the second row of the second unit
        after, _ = column_losses(
            network, Histories(data.units, Rows(changed, SIZES[1:], ("a", "b", "c")), data.offsets)
        )
    moved = ((before - after).abs() > 1e-7).any(1).numpy()
    np.testing.assert_array_equal(np.flatnonzero(moved), np.arange(7, 12))


def test_a_row_sees_no_more_than_the_window() -> None:
    # With two blocks of a window of two a row knows the tokens of three rows, which tell of one to three rows back.
    network = network_of(9, 2)
    data = histories(np.array([9]))
    with torch.no_grad():
        before, _ = column_losses(network, data)
        changed = data.rows.codes.copy()
        changed[2, 2] = (changed[2, 2] + 1) % SIZES[3]
        after, _ = column_losses(
            network, Histories(data.units, Rows(changed, SIZES[1:], ("a", "b", "c")), data.offsets)
        )
    moved = np.flatnonzero(((before - after).abs() > 1e-7).any(1).numpy())
    np.testing.assert_array_equal(moved, [2, 3, 4, 5])


def test_norms_of_units_are_those_of_autograd() -> None:
    network = network_of(6, 4).double()
    data = histories(np.array([1, 6, 3, 2]))
    expected = []
    for unit in range(len(data)):
        network.zero_grad()
        column_losses(network, data.take(np.array([unit])))[0].sum().backward()
        expected.append(sum(float(p.grad.square().sum()) for p in network.parameters() if p.grad is not None))
    layers = ghost_layers(network)
    assert layers is not None
    with recording(layers):
        losses, unit_of_row = column_losses(network, data)
        outputs = [layer.record[1] for layer in layers if layer.record is not None]
        assert len(outputs) == len(layers)
        signals = torch.autograd.grad(losses.sum(), outputs)
        found = squared_norms(list(zip(layers, signals, strict=True)), unit_of_row, len(data))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
