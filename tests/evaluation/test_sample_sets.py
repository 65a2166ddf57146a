"""A metric over random sets of cases."""

from collections.abc import Callable
from typing import Any

import pytest

from workbench.core.errors import OptionError
from workbench.evaluation.metrics import cohen_kappa
from workbench.evaluation.sample_sets import over_sample_sets
from workbench.evaluation.units import labelled_sample


def test_sets_of_all_cases_are_the_sample_itself(made_at_random: Callable[..., Any]) -> None:
    sample = labelled_sample(*made_at_random(30))
    found = over_sample_sets(sample, sets=3, size=len(sample))
    wanted = cohen_kappa(sample.truth, sample.probability)
    assert (found.mean, found.low, found.high) == pytest.approx((wanted, wanted, wanted))


def test_sets_vary_around_the_sample_and_a_seed_draws_them_again(made_at_random: Callable[..., Any]) -> None:
    sample = labelled_sample(*made_at_random(80))
    found = over_sample_sets(sample, "accuracy", sets=200, size=20)
    whole = ((sample.probability > 0.5) == (sample.truth == 1)).mean()
    assert found.low < found.mean < found.high
    assert found.mean == pytest.approx(whole, abs=0.03)
    assert found == over_sample_sets(sample, "accuracy", sets=200, size=20)
    assert found != over_sample_sets(sample, "accuracy", sets=200, size=20, seed=1)
    assert str(found).startswith(f"{found.mean:.3f} over 200 random sets of 20 cases (")


def test_what_is_refused(made_at_random: Callable[..., Any], make: Callable[..., Any]) -> None:
    sample = labelled_sample(*made_at_random(5))
    with pytest.raises(OptionError, match=f"100 sets of {len(sample) + 1} of {len(sample)} cases"):
        over_sample_sets(sample, size=len(sample) + 1)
    healthy = labelled_sample(*make([0, 0], [0.1, 0.2], patients=["p", "q"], body_parts=["hand"] * 2))
    with pytest.raises(OptionError, match="auroc is not defined on any of 100 sets of 1 cases"):
        over_sample_sets(healthy, "auroc")
