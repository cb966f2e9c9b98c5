"""Parameters and FLOP of a probe's network, against the network itself and torch's own counter."""

from __future__ import annotations

import pytest

from models.errors import OutsideValidRange
from models.probe.shape import Shape, shape_for

SHAPES = [Shape(16, 1, 8, 257), Shape(64, 3, 32, 257), Shape(256, 2, 16, 1000)]


@pytest.mark.parametrize("shape", SHAPES)
def test_parameters_are_those_of_the_network(shape: Shape) -> None:
    pytest.importorskip("torch", reason="torch is an optional extra: make probe")
    from models.probe.transformer import Transformer

    sizes = {n: w.numel() for n, w in Transformer(shape, 0).named_parameters()}
    assert sum(sizes.values()) == shape.params
    assert shape.params - sizes["embedding.weight"] == shape.block_params


@pytest.mark.parametrize("shape", SHAPES)
def test_flop_are_those_torch_counts(shape: Shape) -> None:
    torch = pytest.importorskip("torch", reason="torch is an optional extra: make probe")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from models.probe.transformer import Transformer

    network, batch = Transformer(shape, 0), 2
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(torch.zeros(batch, shape.context, dtype=torch.long)).sum().backward()
    counted = counter.get_total_flops() / (batch * shape.context)
    assert counted == pytest.approx(shape.flop_per_token, rel=1e-9)


@pytest.mark.parametrize("wanted", [2e4, 1e5, 1e6, 1.24e8, 1e9])
def test_a_wanted_size_is_met_within_a_fifth(wanted: float) -> None:
    shape = shape_for(wanted, 64, 257)
    assert 0.8 <= shape.params / wanted <= 1.2
    assert shape.heads * shape.head_size == shape.width


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(OutsideValidRange, match="closest network has"):
        shape_for(100, 64, 257)
    with pytest.raises(OutsideValidRange, match="multiple of 16"):
        Shape(40, 2, 64, 257)
    with pytest.raises(OutsideValidRange, match="depth is 0"):
        Shape(32, 0, 64, 257)
