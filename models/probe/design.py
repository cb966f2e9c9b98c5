"""The runs of a repetition study: how often to read how much."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import OutsideValidRange

# One to sixteen epochs, and fresh text of the same amounts up to what text usually allows.
EPOCHS = (1, 2, 4, 8, 16)
FRESH = (2, 4, 8)
LEAST_OVER_REPEATED = 32


@dataclass(frozen=True, slots=True)
class StudyRun:
    """One run of a study: name within it, different tokens, and how often each is read."""

    name: str
    unique_tokens: int
    epochs: int


def repetition_study(unique_tokens: int, most_epochs: int = LEAST_OVER_REPEATED) -> list[StudyRun]:
    """Nine runs that settle R*: five up to 16 epochs, three fresh controls, one over-repeated.

    The controls read 2, 4 and 8 times the unique tokens once, so that the worth of fresh text is
    measured and not assumed; the over-repeated run shows whether repetition harms.
    Raises: OutsideValidRange for most_epochs below 32
    """
    if most_epochs < LEAST_OVER_REPEATED:
        raise OutsideValidRange(
            f"the over-repeated run has {most_epochs} epochs; give at least {LEAST_OVER_REPEATED}, "
            "or harm from repetition may not show"
        )
    repeated = [StudyRun(f"epochs-{n:02d}", unique_tokens, n) for n in (*EPOCHS, most_epochs)]
    return repeated + [StudyRun(f"fresh-{n:02d}", unique_tokens * n, 1) for n in FRESH]
