"""The linear probe: learns, repeats itself, keeps patients together and refuses what it cannot fit."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workbench.core.errors import OptionError
from workbench.evaluation.linear_probe import STRENGTHS, _folds, fit_linear_probe
from workbench.evaluation.metrics import auroc


def drawn(patients: int, *, signal: float, seed: int, d: int = 12) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return features with a fingerprint by patient, labels by patient, and the patients; two films each."""
    generator = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), 2)
    labels = (np.arange(patients) % 2)[owner]
    features = 2 * generator.normal(size=(patients, d))[owner] + generator.normal(size=(len(owner), d)) * 0.1
    features[:, 0] += signal * labels
    features[:, 1] *= 1000  # no feature may rule by its unit
    return features.astype(np.float32), labels, [f"{seed}-{i}" for i in owner]


def test_a_probe_finds_the_signal_and_equals_scikit_learn() -> None:
    features, labels, patients = drawn(80, signal=8.0, seed=0)
    probe = fit_linear_probe(features, labels, patients, seed=0)
    unseen, truth, _ = drawn(80, signal=8.0, seed=1)
    assert auroc(truth, probe.predict(unseen)) > 0.95
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=probe.strength, max_iter=10_000))
    theirs.fit(features.astype(np.float64), labels)
    np.testing.assert_allclose(probe.predict(unseen), theirs.predict_proba(unseen)[:, 1], atol=1e-6)


def test_the_strength_has_the_least_held_out_loss() -> None:
    probe = fit_linear_probe(*drawn(40, signal=3.0, seed=2), seed=0)
    assert set(probe.losses) == set(STRENGTHS)
    assert probe.losses[probe.strength] == min(probe.losses.values())


def test_without_signal_patients_kept_together_ask_for_the_weakest_fit() -> None:
    """Films of a patient share a fingerprint; were they on both sides of a fold, a strong fit would seem good."""
    features, labels, patients = drawn(40, signal=0.0, seed=3, d=60)
    honest = fit_linear_probe(features, labels, patients, seed=0)
    leaking = fit_linear_probe(features, labels, [str(i) for i in range(len(labels))], seed=0)
    assert honest.strength <= 1e-3
    assert leaking.strength > 1e-2


def test_folds_hold_every_case_out_once_and_split_no_patient() -> None:
    _, labels, patients = drawn(13, signal=0.0, seed=0)
    groups = np.array(patients)
    folds = _folds(labels, groups, 0)
    assert sorted(np.concatenate([held_out for _, held_out in folds]).tolist()) == list(range(26))
    for train, held_out in folds:
        assert not set(groups[train]) & set(groups[held_out])


def test_the_same_seed_gives_the_same_probe() -> None:
    data = drawn(20, signal=1.0, seed=5)
    first, second = (fit_linear_probe(*data, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert first.losses == second.losses
    assert fit_linear_probe(*data, seed=4).losses != first.losses


def test_a_constant_feature_does_no_harm() -> None:
    features, labels, patients = drawn(20, signal=8.0, seed=0)
    features[:, 3] = 5.0
    assert np.isfinite(fit_linear_probe(features, labels, patients, seed=0).predict(features)).all()


def test_what_is_refused() -> None:
    features, labels, patients = drawn(6, signal=1.0, seed=0)
    with pytest.raises(OptionError, match="at least 2 groups each"):
        fit_linear_probe(features, np.zeros_like(labels), patients)
    with pytest.raises(OptionError, match="labels hold values other than 0 and 1"):
        fit_linear_probe(features, labels - 1, patients)
    with pytest.raises(OptionError, match="1 groups for 12 labels"):
        fit_linear_probe(features, labels, ["p"])
    probe = fit_linear_probe(features, labels, patients)
    with pytest.raises(OptionError, match="3 features a case; the probe was fitted on 12"):
        probe.predict(features[:, :3])
    features[0, 0] = np.nan
    with pytest.raises(OptionError, match="1 of the features are not finite"):
        fit_linear_probe(features, labels, patients)
