"""Models compared in pairs on the same cases: tests of calls and of AUROCs, the difference, the agreement."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from workbench.core.arrays import Json
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.agreement import Agreement, agreement, common_cases
from workbench.evaluation.corrections import CORRECTIONS, adjusted_p_values
from workbench.evaluation.intervals import (
    DEFAULT_RESAMPLING,
    Interval,
    Resampling,
    Statistic,
    clustered_bootstraps,
    percentile_interval,
    resampled_values,
)
from workbench.evaluation.metrics import METRICS, UNDEFINED_WHEN
from workbench.evaluation.paired import DeLongTest, McNemarTest, delong_test, mcnemar_test
from workbench.evaluation.scores import above_chance
from workbench.evaluation.units import IMAGE, Sample, labelled_sample

Resampled = tuple[float, np.ndarray]
"""A metric of the sample itself, and of every resample (b)."""


@dataclass(frozen=True)
class Pair:
    """Two models on the same cases.

    Parameters
    ----------
    a, b
        Their names; every difference is a minus b.
    difference
        Of the metric, with its interval over resampled patients.
    delong
        The test of the AUROCs, with patients kept together.
    mcnemar
        The test of the calls, which takes the cases as independent.
    agreement
        Of the calls with each other.
    delong_adjusted, mcnemar_adjusted
        The p-values corrected for the number of pairs; None where there was no test.
    """

    a: str
    b: str
    difference: Interval
    delong: DeLongTest
    mcnemar: McNemarTest
    agreement: Agreement
    delong_adjusted: float | None = None
    mcnemar_adjusted: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Every pair of models that learned.

    Parameters
    ----------
    name
        Of the manifest.
    unit, metric, correction, threshold
        What was counted, subtracted and corrected by; abnormal is strictly above the threshold.
    cases, patients
        How many labelled cases were compared, and of how many patients.
    unshared
        Films left out because a model did not predict them.
    learned
        By model, in the order given.
    pairs
        Of the models that learned; empty with fewer than two.
    """

    name: str
    unit: str
    metric: str
    correction: str
    threshold: float
    cases: int
    patients: int
    unshared: int
    learned: dict[str, bool]
    pairs: tuple[Pair, ...]

    @property
    def compared(self) -> tuple[str, ...]:
        """The models that learned."""
        return tuple(name for name, did in self.learned.items() if did)

    @property
    def note(self) -> str:
        """What has to be said beside the numbers; empty where nothing has."""
        told = []
        if lost := [name for name, did in self.learned.items() if not did]:
            told.append(f"Did not learn (image-level AUROC not above 0.5), so not compared: {', '.join(lost)}.")
        if self.unshared:
            told.append(f"{self.unshared} films were not predicted by every model and are left out.")
        if self.pairs and self.patients < self.cases:
            told.append(
                f"{self.cases} cases come from {self.patients} patients: McNemar's test takes them as independent, "
                "so its p is too small; DeLong's test and the bootstrap keep patients together."
            )
        return " ".join(told)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row for each pair; NaN where a value is not defined."""
        import pandas as pd

        return pd.DataFrame([_row(pair) for pair in self.pairs], columns=list(COLUMNS)).astype(COLUMNS)

    def agreement_frame(self, *, beyond_chance: bool = True) -> Any:
        """Return a pandas DataFrame of models by models: Cohen's kappa, or the share of cases called alike."""
        import pandas as pd

        names = list(self.compared)
        frame = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
        for pair in self.pairs:
            value = pair.agreement.kappa if beyond_chance else pair.agreement.share
            frame.loc[pair.a, pair.b] = frame.loc[pair.b, pair.a] = np.nan if value is None else value
        return frame

    def to_json(self) -> Json:
        """Return plain JSON, None where a value is not defined; the note is for readers."""
        return asdict(self) | {"pairs": [asdict(pair) for pair in self.pairs], "note": self.note}


COLUMNS = {
    "a": str,
    "b": str,
    "difference": float,
    "low": float,
    "high": float,
    "auroc_a": float,
    "auroc_b": float,
    "delong_p": float,
    "delong_p_adjusted": float,
    "only_a_right": int,
    "only_b_right": int,
    "mcnemar_p": float,
    "mcnemar_p_adjusted": float,
    "agreement": float,
    "kappa": float,
}
"""Of a comparison's table."""


def compare_predictions(
    predictions: Mapping[str, Predictions],
    manifest: Manifest,
    *,
    unit: str = IMAGE,
    metric: str = "auroc",
    threshold: float = 0.5,
    correction: str = "holm",
    resampling: Resampling = DEFAULT_RESAMPLING,
    learned: Mapping[str, bool] | None = None,
) -> Comparison:
    """Compare models in pairs on the films that all of them have predicted.

    Parameters
    ----------
    predictions
        Of films, by model; at least two.
    manifest
        Says label, study and patient of each film.
    unit
        What is counted: one of :data:`workbench.evaluation.units.UNITS`.
    metric
        Whose difference is resampled; a name of :data:`workbench.evaluation.metrics.METRICS`.
    threshold
        A film is abnormal strictly above it.
    correction
        For the number of pairs; a name of :data:`workbench.evaluation.corrections.CORRECTIONS`.
    resampling
        Of patients.
    learned
        Which models learned, where that is known from elsewhere, such as their own kind of films; the others did if
        the interval of their image-level AUROC here lies above 0.5.

    Returns
    -------
    Comparison
        Models that did not learn are named in it and not compared.

    Raises
    ------
    UnknownNameError
        No such unit, metric or correction.
    OptionError
        Fewer than two models.
    ManifestError
        No film was predicted by all, one is not in the manifest, or the models were told different labels.
    """
    METRICS.get(metric), CORRECTIONS.get(correction)  # unknown names are refused before anything is computed
    shared = common_cases(predictions)
    said = {name: each.select(shared) for name, each in predictions.items()}
    samples = {name: labelled_sample(each, manifest, unit=unit, threshold=threshold) for name, each in said.items()}
    first = next(iter(samples.values()))
    _check_truth(first, samples)
    verdicts = _verdicts(said, manifest, resampling)
    verdicts |= {name: did for name, did in (learned or {}).items() if name in said}
    compared = {name: samples[name] for name, did in verdicts.items() if did}
    values = _resampled(compared, metric, resampling)
    pairs = [
        _pair(a, compared[a], b, compared[b], difference=_difference(values[a], values[b], first, metric, resampling))
        for a, b in combinations(compared, 2)
    ]
    return Comparison(
        name=manifest.name,
        unit=unit,
        metric=metric,
        correction=correction,
        threshold=threshold,
        cases=len(first),
        patients=len(set(first.patients)),
        unshared=len(set().union(*(each.case_ids for each in predictions.values()))) - len(shared),
        learned=verdicts,
        pairs=_adjusted(pairs, correction),
    )


def _check_truth(first: Sample, samples: Mapping[str, Sample]) -> None:
    for name, each in samples.items():
        if each.ids != first.ids or (each.truth != first.truth).any():
            raise ManifestError(f"{name} was told other labels than {next(iter(samples))}; predict with one manifest")


def _verdicts(said: Mapping[str, Predictions], manifest: Manifest, resampling: Resampling) -> dict[str, bool]:
    films = {name: labelled_sample(each, manifest) for name, each in said.items()}
    patients = next(iter(films.values())).patients
    areas = clustered_bootstraps(_statistics(films, "auroc"), patients, resampling=resampling)
    return {name: above_chance(area) for name, area in areas.items()}


def _statistics(samples: Mapping[str, Sample], metric: str) -> dict[str, Statistic]:
    """Return what takes weights of the cases to each model's values; the cases are the same for all."""
    return {
        name: functools.partial(METRICS.get(metric), each.truth, each.probability, threshold=each.threshold)
        for name, each in samples.items()
    }


def _resampled(samples: Mapping[str, Sample], metric: str, resampling: Resampling) -> dict[str, Resampled]:
    """Return every model's values on the same resamples: each model once, however many pairs it is in."""
    if not samples:
        return {}
    patients = next(iter(samples.values())).patients
    return resampled_values(_statistics(samples, metric), patients, resampling=resampling)


def _difference(a: Resampled, b: Resampled, sample: Sample, metric: str, resampling: Resampling) -> Interval:
    reason = f"on one side {UNDEFINED_WHEN[metric]}"
    patients = len(set(sample.patients))
    return percentile_interval(a[0] - b[0], a[1] - b[1], level=resampling.level, clusters=patients, reason=reason)


def _pair(a: str, of_a: Sample, b: str, of_b: Sample, *, difference: Interval) -> Pair:
    truth = of_a.truth == 1
    return Pair(
        a,
        b,
        difference=difference,
        delong=delong_test(
            of_a.truth, of_a.probability, of_b.probability, clusters=of_a.patients, level=difference.level
        ),
        mcnemar=mcnemar_test(of_a.called == truth, of_b.called == truth),
        agreement=agreement(of_a.called, of_b.called),
    )


def _adjusted(pairs: list[Pair], correction: str) -> tuple[Pair, ...]:
    by_delong = adjusted_p_values([pair.delong.p_value for pair in pairs], correction)
    by_mcnemar = adjusted_p_values([pair.mcnemar.p_value for pair in pairs], correction)
    return tuple(
        Pair(**vars(pair) | {"delong_adjusted": delong, "mcnemar_adjusted": mcnemar})
        for pair, delong, mcnemar in zip(pairs, by_delong, by_mcnemar, strict=True)
    )


def _row(pair: Pair) -> tuple[Any, ...]:
    return (
        pair.a,
        pair.b,
        pair.difference.estimate,
        pair.difference.low,
        pair.difference.high,
        pair.delong.auroc_a,
        pair.delong.auroc_b,
        pair.delong.p_value,
        pair.delong_adjusted,
        pair.mcnemar.only_a,
        pair.mcnemar.only_b,
        pair.mcnemar.p_value,
        pair.mcnemar_adjusted,
        pair.agreement.share,
        pair.agreement.kappa,
    )
