"""McNemar's and DeLong's tests: published examples, slow references, and what clusters change."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import references_evaluation as reference
from workbench.core.errors import OptionError
from workbench.evaluation.intervals import Resampling, clustered_bootstrap
from workbench.evaluation.metrics import auroc
from workbench.evaluation.paired import EXACT_BELOW, McNemarTest, auroc_covariance, delong_test, mcnemar_test


def pairs(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def test_mcnemar_of_a_published_table() -> None:
    """Approval in two surveys of the same 1600 people (Agresti 1990, p. 350); R's mcnemar.test prints these."""
    found = mcnemar_test(*pairs(794, 150, 86, 570))
    assert not found.exact
    assert found.statistic == pytest.approx(16.818, abs=5e-4)
    assert found.p_value == pytest.approx(4.115e-5, rel=5e-4)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 1), (1, 5), (6, 6), (0, 24), (9, 15)])
def test_few_discordant_pairs_are_judged_by_the_binomial_written_out(only_a: int, only_b: int) -> None:
    n, low = only_a + only_b, min(only_a, only_b)
    expected = min(1.0, 2 * sum(math.comb(n, k) for k in range(low + 1)) / 2**n)
    found = mcnemar_test(*pairs(30, only_a, only_b, 4))
    assert found.exact
    assert found.p_value == pytest.approx(expected, rel=1e-12)
    assert (found.only_a, found.only_b) == (only_a, only_b)


def test_both_forms_meet_where_one_takes_over() -> None:
    below, above = (mcnemar_test(*pairs(0, 7, n - 7, 0)) for n in (EXACT_BELOW - 1, EXACT_BELOW))
    assert below.exact
    assert not above.exact
    assert above.p_value == pytest.approx(math.erfc(math.sqrt(above.statistic / 2)))  # chi-squared of one degree
    assert 0.4 < above.p_value / below.p_value < 1


def test_models_that_never_differ_and_those_that_differ_evenly() -> None:
    assert mcnemar_test(*pairs(5, 0, 0, 3)) == McNemarTest(0, 0, 1.0)
    assert mcnemar_test(*pairs(5, 20, 20, 3)).p_value == 1
    assert mcnemar_test(*pairs(5, 20, 21, 3)).p_value == 1  # a correction does not overshoot


def test_delong_of_the_data_that_delong_published() -> None:
    """SAS prints these numbers for them (SAS/STAT, LOGISTIC, Comparing Receiver Operating Characteristic Curves)."""
    truth, scores = reference.ovarian_cancer()
    for name, area, error in (("albumin", 0.7366, 0.0927), ("K-G", 0.7258, 0.1028), ("total protein", 0.6478, 0.1000)):
        areas, covariance = auroc_covariance(truth, scores[name][None])
        assert areas[0] == pytest.approx(area, abs=5e-5)
        assert math.sqrt(covariance[0, 0]) == pytest.approx(error, abs=5e-5)
    for name, difference, error, p_value in (
        ("albumin", 0.0108, 0.0953, 0.9102),
        ("total protein", -0.0780, 0.1046, 0.4561),
    ):
        found = delong_test(truth, scores[name], scores["K-G"])
        assert (found.difference, found.standard_error) == pytest.approx((difference, error), abs=5e-5)
        assert found.p_value == pytest.approx(p_value, abs=5e-5)
    found = delong_test(truth, scores["albumin"], scores["K-G"])
    assert (found.low, found.high) == pytest.approx((-0.1761, 0.1976), abs=5e-5)


scored = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 6), st.integers(0, 4)), max_size=30)
BOTH_CLASSES = [(0, 3, 2, 0), (0, 1, 4, 1), (1, 5, 2, 2), (1, 2, 6, 3)]


@given(scored)
@settings(deadline=None, max_examples=100)
def test_covariances_equal_the_slow_references(drawn: list[tuple[int, int, int, int]]) -> None:
    truth, a, b, patient = np.array([*BOTH_CLASSES, *drawn], dtype=np.int64).T.copy()
    scores, clusters = np.stack([a, b]) / 6, [f"p{i}" for i in patient]
    areas, covariance = auroc_covariance(truth, scores)
    assert areas.tolist() == pytest.approx([auroc(truth, score) for score in scores])
    np.testing.assert_allclose(covariance, reference.delong_covariance(truth, scores), atol=1e-14)
    _, clustered = auroc_covariance(truth, scores, clusters=clusters)
    np.testing.assert_allclose(clustered, reference.clustered_covariance(truth, scores, clusters), atol=1e-14)


def draw(
    patients: int, films: int, *, seed: int, gain: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Return truth, two scores of equal worth (but for the gain), and patients, who keep their own level in both."""
    generator = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), films)
    truth = (np.arange(len(owner)) % 3 == 0).astype(np.int64)  # most patients have films of both classes
    shared = generator.normal(size=patients)[owner]
    a, b = (truth + shared + generator.normal(size=patients)[owner] + generator.normal(size=len(owner)) for _ in "ab")
    return truth, a + gain * truth, b, [f"p{i}" for i in owner]


def test_copies_of_films_add_no_certainty_unless_taken_for_independent() -> None:
    truth, a, b, _ = draw(40, 1, seed=0)
    single = delong_test(truth, a, b)
    copied = [np.repeat(each, 4) for each in (truth, a, b)]
    kept = delong_test(*copied, clusters=[f"p{i // 4}" for i in range(160)])
    assert kept.standard_error == pytest.approx(single.standard_error)
    assert kept.p_value == pytest.approx(single.p_value)
    assert delong_test(*copied).standard_error < 0.6 * single.standard_error


def test_the_clustered_error_is_that_of_the_clustered_bootstrap() -> None:
    truth, a, b, patients = draw(150, 4, seed=1)
    found = delong_test(truth, a, b, clusters=patients)
    resampled = clustered_bootstrap(
        lambda w: auroc(truth, a, w) - auroc(truth, b, w), patients, resampling=Resampling(2000)
    )
    assert found.difference == pytest.approx(resampled.estimate)
    assert (found.low, found.high) == pytest.approx((resampled.low, resampled.high), abs=0.006)


@pytest.mark.parametrize(("clustered", "low", "high"), [(True, 0.02, 0.09), (False, 0.12, 1.0)])
def test_equal_models_are_told_apart_as_seldom_as_promised_if_patients_are_kept_together(
    clustered: bool, low: float, high: float
) -> None:
    """400 samples of 80 patients with 6 films each: p < 0.05 in 5 % of them, and far more often by film."""
    said = 0
    for seed in range(400):
        truth, a, b, patients = draw(80, 6, seed=1000 + seed)
        truth = (np.arange(80) % 2)[np.repeat(np.arange(80), 6)]  # a patient is of one class
        a, b = a + truth, b + truth
        found = delong_test(truth, a, b, clusters=patients if clustered else None)
        said += found.p_value < 0.05
    assert low <= said / 400 <= high


def test_a_better_model_is_found_and_turned_round() -> None:
    truth, a, b, patients = draw(100, 3, seed=5, gain=1.5)
    found, turned = delong_test(truth, a, b, clusters=patients), delong_test(truth, b, a, clusters=patients)
    assert found.low > 0
    assert found.p_value < 1e-4
    assert (turned.difference, turned.p_value) == pytest.approx((-found.difference, found.p_value))
    wide = delong_test(truth, a, b, clusters=patients, level=0.99)
    assert wide.low < found.low < found.high < wide.high


def test_one_ranking_is_one_model_and_a_certain_difference_has_no_test() -> None:
    truth = np.array([0, 1, 0, 1, 1, 0])
    score = np.array([0.1, 0.4, 0.5, 0.8, 0.3, 0.2])
    same = delong_test(truth, score, np.exp(score))
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    apart = delong_test(truth, truth * 1.0, 1.0 - truth)
    assert (apart.difference, apart.p_value) == (1, None)
    assert apart.reason == "the difference does not vary on these cases"
    alone = delong_test(truth, score, score, clusters=["a", "b", "a", "b", "b", "a"])
    assert (alone.p_value, alone.covariance, alone.standard_error) == (None, None, None)
    assert "two clusters of normal" in alone.reason


def test_what_is_refused() -> None:
    with pytest.raises(OptionError, match="given 0 and 2"):
        delong_test(np.array([1, 1]), np.array([0.1, 0.2]), np.array([0.1, 0.2]))
    with pytest.raises(OptionError, match="not a number"):
        delong_test(np.array([0, 1]), np.array([0.1, math.nan]), np.array([0.1, 0.2]))
