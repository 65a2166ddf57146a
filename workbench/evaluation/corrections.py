"""Corrections of p-values for many comparisons."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from workbench.core.errors import OptionError
from workbench.core.registry import Registry

Adjusted = Float64[np.ndarray, " t"]

CORRECTIONS: Registry[Adjusted] = Registry("correction")
"""Each takes p-values (t), rising, to adjusted ones."""


@CORRECTIONS.register("holm")
def holm(rising: Adjusted) -> Adjusted:
    """Return p-values that keep the chance of any false discovery (Holm, Scand. J. Statist. 6, 1979).

    Valid whatever the dependence of the tests: right for pairs of models, which share models.
    """
    count = len(rising)
    return np.minimum(np.maximum.accumulate(rising * (count - np.arange(count))), 1.0)


@CORRECTIONS.register("benjamini-hochberg")
def benjamini_hochberg(rising: Adjusted) -> Adjusted:
    """Return p-values that keep the expected share of false discoveries (Benjamini and Hochberg, JRSS B 57, 1995).

    For independent or positively dependent tests; less strict than Holm's.
    """
    count = len(rising)
    return np.minimum(np.minimum.accumulate((rising * count / np.arange(1, count + 1))[::-1])[::-1], 1.0)


def adjusted_p_values(p_values: Sequence[float | None], method: str = "holm") -> tuple[float | None, ...]:
    """Adjust the p-values of one family of tests.

    Parameters
    ----------
    p_values
        In any order; None where there was no test, which then does not count.
    method
        A name of :data:`CORRECTIONS`.

    Returns
    -------
    tuple[float | None, ...]
        In the order given; None stays None.

    Raises
    ------
    UnknownNameError
        No such correction.
    OptionError
        A value outside [0, 1].
    """
    correct = CORRECTIONS.get(method)
    tested = [index for index, value in enumerate(p_values) if value is not None]
    values = np.array([p_values[index] for index in tested], dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise OptionError(f"p-values: {values.tolist()} are not all between 0 and 1")
    order = np.argsort(values, kind="stable")
    adjusted: list[float | None] = [None] * len(p_values)
    for place, value in zip(order, correct(values[order]), strict=True):
        adjusted[tested[place]] = float(value)
    return tuple(adjusted)
