"""Corrections for many comparisons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from workbench.core.errors import OptionError, UnknownNameError
from workbench.evaluation.corrections import adjusted_p_values

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_values)
@settings(deadline=None, max_examples=100)
def test_benjamini_hochberg_equals_scipy(values: list[float]) -> None:
    expected = false_discovery_control(values)
    np.testing.assert_allclose(adjusted_p_values(values, "benjamini-hochberg"), expected, rtol=1e-12)


@given(p_values, st.floats(0.001, 0.999))
@settings(deadline=None, max_examples=100)
def test_holm_rejects_what_its_steps_reject(values: list[float], level: float) -> None:
    """From the smallest on: reject while p <= level / (tests left), stop at the first that is not."""
    rejected = set()
    for left, index in zip(range(len(values), 0, -1), np.argsort(values, kind="stable"), strict=True):
        if values[index] * left > level:
            break
        rejected.add(int(index))
    assert {i for i, value in enumerate(adjusted_p_values(values)) if value <= level} == rejected


def test_known_values() -> None:
    assert adjusted_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert adjusted_p_values([0.01, 0.04, 0.03, 0.005], "benjamini-hochberg") == pytest.approx((0.02, 0.04, 0.04, 0.02))


def test_tests_that_were_not_made_do_not_count() -> None:
    assert adjusted_p_values([None, 0.02, None, 0.5]) == pytest.approx((None, 0.04, None, 0.5))
    assert adjusted_p_values([]) == ()
    assert adjusted_p_values([None]) == (None,)


def test_what_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'holm'"):
        adjusted_p_values([0.1], "hollm")
    with pytest.raises(OptionError, match="not all between 0 and 1"):
        adjusted_p_values([0.1, 1.5])
