"""Clustered bootstrap: what is drawn, what the intervals cover, and what they say without a value."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.evaluation import intervals
from workbench.evaluation.intervals import (
    Interval,
    Resampling,
    cluster_weights,
    clustered_bootstrap,
    mean_interval,
    percentile_interval,
)
from workbench.evaluation.metrics import auroc


def test_weights_draw_whole_clusters_as_often_as_there_are() -> None:
    clusters = ["b", "a", "b", "c", "a", "b"]
    weights = cluster_weights(clusters, Resampling(500))
    assert weights.shape == (500, 6)
    for name in "abc":
        columns = weights[:, [i for i, each in enumerate(clusters) if each == name]]
        assert (columns == columns[:, :1]).all()
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)
    shares = [(weights[:, 3] == k).mean() for k in range(4)]
    expected = [math.comb(3, k) * (1 / 3) ** k * (2 / 3) ** (3 - k) for k in range(4)]
    np.testing.assert_allclose(shares, expected, atol=0.07)  # three standard errors of 500 draws


def test_weights_depend_on_the_seed_and_not_on_the_order_of_cases() -> None:
    clusters = ["x", "y", "y", "z"]
    weights, order = cluster_weights(clusters, Resampling(50, seed=7)), [3, 1, 0, 2]
    np.testing.assert_array_equal(
        cluster_weights([clusters[i] for i in order], Resampling(50, seed=7)), weights[:, order]
    )
    assert (cluster_weights(clusters, Resampling(50, seed=8)) != weights).any()


def test_blocks_draw_what_one_block_would(monkeypatch: pytest.MonkeyPatch) -> None:
    clusters = [f"p{i // 2}" for i in range(14)]
    whole = cluster_weights(clusters, Resampling(100, seed=3))
    monkeypatch.setattr(intervals, "BLOCK_SIZE", 14 * 9)
    np.testing.assert_array_equal(cluster_weights(clusters, Resampling(100, seed=3)), whole)


def test_an_interval_equals_the_loop_written_out() -> None:
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 2, 30)
    probability = generator.random(30)
    clusters = [f"p{i // 3}" for i in range(30)]
    found = clustered_bootstrap(lambda w: auroc(truth, probability, w), clusters, resampling=Resampling(200, 0.9, 4))
    values = []
    for row in cluster_weights(clusters, Resampling(200, seed=4)).astype(int):
        again = np.repeat(np.arange(30), row)
        values.append(auroc(truth[again], probability[again]))
    defined = [value for value in values if not math.isnan(value)]
    assert found.estimate == auroc(truth, probability)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(defined, [0.05, 0.95])), rel=1e-12)
    assert (found.resamples, found.clusters, found.undefined) == (200, 10, 200 - len(defined))


@pytest.mark.parametrize(("clustered", "low", "high"), [(True, 0.90, 0.99), (False, 0.4, 0.8)])
def test_coverage_of_a_mean_of_correlated_films(clustered: bool, low: float, high: float) -> None:
    """400 samples of 40 patients with 4 films each: 95 % intervals must cover; resampling films must not."""
    generator, patients, films = np.random.default_rng(11), 40, 4
    owner = np.repeat(np.arange(patients), films)
    clusters = [f"p{i}" for i in owner] if clustered else [f"c{i}" for i in range(len(owner))]
    covered = 0
    for trial in range(400):
        values = generator.normal(size=patients)[owner] + 0.5 * generator.normal(size=len(owner))
        covered += mean_interval(values, clusters, resampling=Resampling(300, seed=trial)).includes(0.0)
    assert low <= covered / 400 <= high


@pytest.mark.parametrize(("clustered", "low", "high"), [(True, 0.90, 0.99), (False, 0.4, 0.85)])
def test_coverage_of_an_auroc_of_correlated_films(clustered: bool, low: float, high: float) -> None:
    """The true AUROC is known: scores of two patients differ by a normal variable."""
    generator, patients, films, signal = np.random.default_rng(12), 60, 4, 1.0
    owner = np.repeat(np.arange(patients), films)
    truth = (np.arange(patients) % 2)[owner]
    clusters = [f"p{i}" for i in owner] if clustered else [f"c{i}" for i in range(len(owner))]
    true_value = NormalDist(0, math.sqrt(2 * (1 + 0.25))).cdf(signal)
    covered = 0
    for trial in range(200):
        score = signal * truth + generator.normal(size=patients)[owner] + 0.5 * generator.normal(size=len(owner))
        interval = clustered_bootstrap(
            lambda w, s=score: auroc(truth, s, w), clusters, resampling=Resampling(300, seed=trial)
        )
        covered += interval.includes(true_value)
    assert low <= covered / 200 <= high


def test_copies_of_films_add_no_certainty_unless_taken_for_patients() -> None:
    generator = np.random.default_rng(2)
    values = generator.normal(size=50)
    patients = [f"p{i}" for i in range(50)]
    single = mean_interval(values, patients)
    copied = mean_interval(np.repeat(values, 9), [name for name in patients for _ in range(9)])
    fooled = mean_interval(np.repeat(values, 9), [f"c{i}" for i in range(450)])
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high))
    assert _width(fooled) < 0.5 * _width(copied)  # by 1 / 3, were the copies independent


def test_a_wider_level_holds_the_narrower() -> None:
    values, clusters = np.random.default_rng(3).normal(size=30), [f"p{i}" for i in range(30)]
    narrow, wide = (mean_interval(values, clusters, resampling=Resampling(level=level)) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_what_an_interval_says() -> None:
    assert str(Interval(0.8412, 0.789, 0.8801, 0.95, 1000, 90)) == "0.84 [0.79, 0.88]"
    assert str(Interval(-0.001, -0.0549, 0.004, 0.95, 1000, 90)) == "0.00 [-0.05, 0.00]"
    assert str(Interval(None, None, None, 0.95, 10, 3, 10, "all cases are of one class")).startswith("undefined: all")
    alone = mean_interval(np.array([0.2, 0.4]), ["p", "p"], resampling=Resampling(20))
    assert str(alone) == "0.30 (no interval: one cluster only)"
    assert not alone.includes(0.3)


def test_resamples_without_a_value_are_left_out_and_counted() -> None:
    found = percentile_interval(0.5, np.array([0.1, np.nan, 0.3, np.nan]), level=0.5, clusters=4, reason="why")
    assert (found.low, found.high, found.undefined, found.reason) == (pytest.approx(0.15), pytest.approx(0.25), 2, "")
    empty = percentile_interval(0.5, np.full(4, np.nan), level=0.5, clusters=4, reason="why")
    assert (empty.estimate, empty.low, empty.reason) == (0.5, None, "no resample has a value")


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"level": 1.0}, "level: 1.0"), ({"level": math.nan}, "level: nan"), ({"rounds": 0}, "rounds: 0 is below 1")],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Resampling(**settings)


def test_no_case_and_no_number_are_refused() -> None:
    with pytest.raises(OptionError, match="no case"):
        mean_interval(np.zeros(0), [])
    with pytest.raises(OptionError, match="1 of 2 values are not finite"):
        mean_interval(np.array([0.1, np.inf]), ["a", "b"])


def _width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low
