"""A metric averaged over random sample sets of films: how the paper ``densenet-interpretation`` places its model."""

from dataclasses import dataclass

import numpy as np

from workbench.core.errors import OptionError
from workbench.core.seeding import derived_generator
from workbench.evaluation.metrics import METRICS
from workbench.evaluation.units import Sample


@dataclass(frozen=True)
class SampleSets:
    """A metric over random sets of cases.

    Parameters
    ----------
    metric
        Its name.
    mean, low, high
        Mean over the sets, and their 2.5 % and 97.5 % quantiles; these are of the draw, not of the patients.
    sets
        How many were drawn and gave a value.
    size
        Cases a set.
    """

    metric: str
    mean: float
    low: float
    high: float
    sets: int
    size: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} over {self.sets} random sets of {self.size} cases ({self.low:.3f} to {self.high:.3f})"


def over_sample_sets(
    sample: Sample, metric: str = "cohen-kappa", *, sets: int = 100, size: int = 0, seed: int = 0
) -> SampleSets:
    """Return the mean of a metric over random sets of cases.

    "The average Cohen's kappa score of 100 randomly selected sample set": whether this means 100 sets or one set of
    100 is not stated, nor is the size. Here: 100 sets, drawn without replacement.

    Parameters
    ----------
    sample
        Labelled cases.
    metric
        A name of :data:`METRICS`.
    sets
        How many to draw.
    size
        Cases a set; 0 takes 207, the studies of MURA's hidden test set, or half of the sample where it is smaller.
    seed
        The same seed draws the same sets, whatever the order of the cases.

    Returns
    -------
    SampleSets
        Sets on which the metric is not defined are left out.

    Raises
    ------
    UnknownNameError
        No such metric.
    OptionError
        More cases a set than there are, no set, or a metric that is defined on none of them.
    """
    score = METRICS.get(metric)
    size = size or min(HIDDEN_STUDIES, max(1, len(sample) // 2))
    if sets < 1 or not 1 <= size <= len(sample):
        raise OptionError(f"sample sets: {sets} sets of {size} of {len(sample)} cases; wanted at least one of each")
    generator = derived_generator(seed, "sample-sets")
    drawn = [generator.choice(len(sample), size=size, replace=False) for _ in range(sets)]
    values = np.array(
        [score(sample.truth[rows], sample.probability[rows], threshold=sample.threshold) for rows in drawn], dtype=float
    )
    known = values[~np.isnan(values)]
    if not len(known):
        raise OptionError(f"{metric} is not defined on any of {sets} sets of {size} cases")
    low, high = np.quantile(known, [0.025, 0.975])
    return SampleSets(metric, float(known.mean()), float(low), float(high), len(known), size)


HIDDEN_STUDIES = 207
"""Studies of MURA's hidden test set, on which the leaderboard's other models were scored."""
