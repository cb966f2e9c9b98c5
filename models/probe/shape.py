"""Size of a probe's network: parameters, training FLOP, and a shape for a wanted size."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import OutsideValidRange

# Width over depth. Loss depends little on it in this range (Kaplan et al. 2020, fig. 5).
LEAST_ASPECT, MOST_ASPECT = 32, 128
# What a narrow network may have all the same.
SHALLOW = (2, 4)
WIDTH_STEP = 16
MAX_WIDTH = 8192


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder-only transformer. context: tokens it sees at once."""

    width: int
    depth: int
    context: int
    vocabulary: int

    def __post_init__(self) -> None:
        for name, least in (("width", 16), ("depth", 1), ("context", 2), ("vocabulary", 2)):
            seen = getattr(self, name)
            if seen < least:
                raise OutsideValidRange(f"{name} is {seen}; it must be at least {least}")
        if self.width % WIDTH_STEP:
            raise OutsideValidRange(
                f"width is {self.width}; it must be a multiple of {WIDTH_STEP}, the smallest head"
            )

    @property
    def head_size(self) -> int:
        """Width of one attention head: 64 where the network is wide enough for several."""
        return 64 if self.width % 64 == 0 and self.width >= 256 else WIDTH_STEP

    @property
    def heads(self) -> int:
        """Attention heads of a layer."""
        return self.width // self.head_size

    @property
    def block_params(self) -> int:
        """Parameters outside the embedding.

        Equation: depth·(12·width² + 2·width) + width; attention 4·width², feed-forward 8·width²,
                  two norms a layer and one at the end, no biases
        """
        return self.depth * (12 * self.width**2 + 2 * self.width) + self.width

    @property
    def params(self) -> int:
        """All trainable parameters; input and output embedding share one matrix."""
        return self.block_params + self.vocabulary * self.width

    @property
    def flop_per_token(self) -> float:
        """Training FLOP of one token, forward and backward.

        Equation: 6·(12·depth·width² + vocabulary·width) + 12·depth·width·context
        Source:   Chowdhery et al. 2022, arXiv:2204.02311, appendix B: matrix products alone, the
                  attention matrix counted whole although half of it is masked. Looking an
                  embedding up is no product; its use as output matrix is one
        """
        products = 12 * self.depth * self.width**2 + self.vocabulary * self.width
        return 6.0 * products + 12.0 * self.depth * self.width * self.context


def shape_for(params: float, context: int, vocabulary: int) -> Shape:
    """The shape whose parameters come closest to a wanted number.

    Raises: OutsideValidRange when the closest is more than a fifth away
    """
    shapes = [
        Shape(width, depth, context, vocabulary)
        for width in range(WIDTH_STEP, MAX_WIDTH + 1, WIDTH_STEP)
        for depth in range(
            max(SHALLOW[0], width // MOST_ASPECT), max(SHALLOW[1], width // LEAST_ASPECT) + 1
        )
    ]
    best = min(shapes, key=lambda shape: abs(shape.params - params))
    if not 0.8 <= best.params / params <= 1.2:
        raise OutsideValidRange(
            f"params is {params:g}, and the closest network has {best.params:,}; give between "
            f"{shapes[0].params:,} and {shapes[-1].params:,}, or width and depth"
        )
    return best
