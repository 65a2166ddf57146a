"""Tests, corrections and agreement equal those of statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests

from workbench.evaluation.agreement import agreement
from workbench.evaluation.corrections import adjusted_p_values
from workbench.evaluation.paired import mcnemar_test

counts = st.integers(0, 60)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(deadline=None, max_examples=100)
@pytest.mark.parametrize(("ours", "theirs"), [("holm", "holm"), ("benjamini-hochberg", "fdr_bh")])
def test_corrections(ours: str, theirs: str, values: list[float]) -> None:
    _, expected, _, _ = multipletests(values, method=theirs)
    np.testing.assert_allclose(adjusted_p_values(values, ours), expected, rtol=1e-12)


@given(counts, counts, counts, counts)
@settings(deadline=None, max_examples=100)
def test_mcnemar_and_kappa_of_a_table(both: int, only_a: int, only_b: int, neither: int) -> None:
    table = np.array([[both, only_a], [only_b, neither]])
    a = np.repeat([True, True, False, False], table.ravel())
    b = np.repeat([True, False, True, False], table.ravel())
    found = mcnemar_test(a, b)
    if only_a != only_b:  # else its continuity correction overshoots, and p stays below 1
        expected = mcnemar(table, exact=found.exact)
        assert found.p_value == pytest.approx(float(expected.pvalue), rel=1e-9)
        assert found.exact or found.statistic == pytest.approx(float(expected.statistic), rel=1e-12)
    if all(a) or all(b) or not (any(a) and any(b)):  # where one calls everything alike, theirs may divide by 0
        return
    assert agreement(a, b).kappa == pytest.approx(float(cohens_kappa(table, return_results=False)), abs=1e-12)
