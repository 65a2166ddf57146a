"""The learning rate as a function of what is past, so that a resumed training needs no state of a scheduler."""

import math
from collections.abc import Sequence

from workbench.training.options import TrainingOptions

QUARTER_DIVISORS = (1, 10, 50, 100)
"""The learning rate's divisor in each quarter of the epochs."""
WARM_UP_SHARE = 0.3
"""Share of a one-cycle training in which the rate rises; Smith and Topin (2018), as torch's OneCycleLR."""
WARM_UP_START, COOL_DOWN_END = 1 / 25, 1e-4 / 25
"""First and last rate of one cycle, as shares of the highest one."""


def learning_rate(options: TrainingOptions, progress: float, valid_losses: Sequence[float] = ()) -> float:
    """Return the learning rate of the next step.

    Parameters
    ----------
    options
        ``schedule`` and what belongs to it.
    progress
        Epochs behind us, with the part of the present one: 2.5 is the middle of the third epoch.
    valid_losses
        Validation loss of each whole epoch so far; only "plateau" reads them.

    Returns
    -------
    float
        "constant", "step", "plateau" and "quarters" change between epochs only, "cosine" and "one-cycle" at each step.
    """
    return options.learning_rate * _share(options, progress, valid_losses)


def plateaus(valid_losses: Sequence[float], plateau_epochs: int) -> int:
    """Count how often the loss was no better than its best for ``plateau_epochs`` epochs in a row."""
    best, waited, count = math.inf, 0, 0
    for loss in valid_losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == plateau_epochs:
            waited, count = 0, count + 1
    return count


def _share(options: TrainingOptions, progress: float, valid_losses: Sequence[float]) -> float:
    epoch = int(progress)
    match options.schedule:
        case "step":
            return options.factor ** (epoch // options.step_epochs)
        case "plateau":
            return options.factor ** plateaus(valid_losses, options.plateau_epochs)
        case "quarters":
            return 1 / QUARTER_DIVISORS[4 * epoch // options.epochs]
        case "cosine":
            return _cosine(1.0, 0.0, progress / options.epochs)
        case "one-cycle":
            return _one_cycle(progress / options.epochs)
        case _:
            return 1.0


def _one_cycle(share: float) -> float:
    if share < WARM_UP_SHARE:
        return _cosine(WARM_UP_START, 1.0, share / WARM_UP_SHARE)
    return _cosine(1.0, COOL_DOWN_END, (share - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))


def _cosine(start: float, end: float, share: float) -> float:
    """Go from start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
