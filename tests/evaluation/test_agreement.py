"""Agreement of models, and where they are furthest apart."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as theirs

from workbench.core.errors import ManifestError, OptionError
from workbench.evaluation.agreement import Agreement, agreement, disagreements, reader_agreement
from workbench.evaluation.intervals import Resampling, cluster_weights


def test_agreement_equals_scikit_learn_either_way_round() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.random(60) > 0.4, generator.random(60) > 0.6
    found = agreement(a, b)
    assert found.kappa == pytest.approx(theirs.cohen_kappa_score(a, b))
    assert found.share == pytest.approx(theirs.accuracy_score(a, b))
    assert agreement(b, a).kappa == pytest.approx(found.kappa)


def test_all_of_one_call_has_no_kappa() -> None:
    assert agreement(np.ones(3, dtype=bool), np.ones(3, dtype=bool)) == Agreement(1.0, None)
    with pytest.raises(OptionError, match="no case to agree on"):
        agreement(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))


def test_the_furthest_apart_come_first(make: Callable[..., Any]) -> None:
    a, _ = make([0, 1, -1, 1], [0.1, 0.9, 0.2, 0.8])
    b, _ = make([0, 1, -1, 1], [0.4, 0.2, 0.2, 0.7])
    first, second, third, last = disagreements({"a": a, "b": b.select(["c3", "c2", "c1", "c0"])})
    assert (first.case_id, first.truth, first.disputed) == ("c1", 1, True)
    assert first.apart == pytest.approx(0.7)
    assert first.probabilities == pytest.approx({"a": 0.9, "b": 0.2})
    assert (second.case_id, second.disputed, third.case_id, last.truth) == ("c0", False, "c3", -1)
    assert [each.disputed for each in disagreements({"a": a, "b": b}, threshold=0.3)[:2]] == [True, True]
    assert len(disagreements({"a": a, "b": b}, count=2)) == 2


def test_films_that_one_model_has_not_seen_are_left_out(make: Callable[..., Any]) -> None:
    a, _ = make([0, 1, 1], [0.1, 0.9, 0.2])
    assert [each.case_id for each in disagreements({"a": a, "b": a.select(["c2"])})] == ["c2"]
    with pytest.raises(ManifestError, match="no film was predicted by all of a, b, c"):
        disagreements({"a": a, "b": a.select(["c2"]), "c": a.select(["c0"])})
    with pytest.raises(OptionError, match="at least two models; given a"):
        disagreements({"a": a})


def readers(seed: int, cases: int = 40) -> dict[str, dict[str, str]]:
    """Two who often agree, on some cases of their own too."""
    generator = np.random.default_rng(seed)
    first = generator.choice(["right reason", "wrong reason", "unsure"], size=cases, p=[0.5, 0.4, 0.1])
    second = np.where(generator.random(cases) < 0.6, first, generator.permutation(first))
    ids = [f"c{index}" for index in range(cases)]
    said = dict(zip(ids, map(str, first), strict=True)), dict(zip(ids, map(str, second), strict=True))
    return {"Bob": said[0] | {"only Bob": "unsure"}, "Ann": said[1] | {"only Ann": "unsure"}}


@pytest.mark.parametrize("seed", range(4))
def test_agreement_of_readers_equals_scikit_learn(seed: int) -> None:
    said = readers(seed)
    shared = sorted(said["Ann"].keys() & said["Bob"].keys())
    ann, bob = ([said[name][case_id] for case_id in shared] for name in ("Ann", "Bob"))
    (pair,) = reader_agreement(said)
    assert (pair.first, pair.second, pair.cases) == ("Ann", "Bob", 40)
    assert pair.kappa.estimate == pytest.approx(theirs.cohen_kappa_score(ann, bob))
    assert pair.share.estimate == pytest.approx(theirs.accuracy_score(ann, bob))
    assert pair.kappa.low < pair.kappa.estimate < pair.kappa.high


def test_resampled_kappas_are_those_of_the_cases_written_out() -> None:
    said = readers(0)
    patients = {f"c{index}": f"p{index // 4}" for index in range(40)}
    resampling = Resampling(rounds=60, level=0.9)
    (pair,) = reader_agreement(said, patients=patients, resampling=resampling)
    shared = sorted(patients)
    weights = cluster_weights([patients[case_id] for case_id in shared], resampling)
    ann, bob = ([said[name][case_id] for case_id in shared] for name in ("Ann", "Bob"))
    kappas = [theirs.cohen_kappa_score(ann, bob, sample_weight=row) for row in weights]
    assert (pair.kappa.low, pair.kappa.high) == pytest.approx(tuple(np.quantile(kappas, [0.05, 0.95])))
    assert pair.kappa.clusters == 10
    (alone,) = reader_agreement(said, resampling=resampling)
    assert alone.kappa.clusters == 40


def test_readers_who_say_one_word_have_no_kappa_and_strangers_no_pair() -> None:
    said = {"Ann": {"c1": "unsure", "c2": "unsure"}, "Bob": {"c1": "unsure", "c2": "unsure"}, "Cy": {"c3": "unsure"}}
    (pair,) = reader_agreement(said)
    assert (pair.share.estimate, pair.kappa.estimate) == (1.0, None)
    assert "same one word" in pair.kappa.reason
    assert reader_agreement({"Ann": {"c1": "unsure"}}) == ()
