"""What an evaluation found: metrics with intervals per unit and group, and the verdict whether the model learned."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from workbench.core.arrays import Json
from workbench.core.errors import ReaderError
from workbench.core.registry import unknown_name
from workbench.evaluation.intervals import Interval
from workbench.evaluation.units import IMAGE, UNITS

OVERALL = "overall"
KIND_PREFIX = "kind:"


def above_chance(auroc: Interval) -> bool:
    """Say whether the whole interval of an AUROC lies above 0.5: the rule by which a model has learned."""
    return auroc.low is not None and auroc.low > 0.5


@dataclass(frozen=True)
class GroupScores:
    """Metrics of one group of cases, counted in one unit.

    Parameters
    ----------
    unit
        ``image``, ``study-majority``, ``study-mean`` or ``patient``: what a case is here.
    group
        ``overall``, a body part, or ``kind:NAME``: the abnormal cases of that kind beside all normal ones.
    cases, positives, clusters
        How many cases, abnormal ones among them, and independent units (patients).
    true_positives, false_positives, true_negatives, false_negatives
        The confusion counts.
    intervals
        By the name of the metric, in the order of :data:`workbench.evaluation.metrics.METRICS`.
    """

    unit: str
    group: str
    cases: int
    positives: int
    clusters: int
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    intervals: dict[str, Interval]


@dataclass(frozen=True)
class Evaluation:
    """A model's metrics on one manifest.

    Parameters
    ----------
    name, note
        Of the manifest; the note says so where patient ids are stand-ins, and has to be shown with any interval.
    cluster_by
        What was resampled: ``patient_id`` as a rule.
    threshold
        Abnormal is strictly above it.
    level, resamples, seed
        Of the bootstrap.
    unlabelled
        Films predicted but left out, because their label is not known.
    unpredicted
        Films of the manifest without a prediction.
    tied_studies, mixed_studies
        Studies whose films vote evenly, and those with films of both labels (they count as abnormal).
    groups
        Every unit by every group.
    """

    name: str
    note: str
    cluster_by: str
    threshold: float
    level: float
    resamples: int
    seed: int
    unlabelled: int
    unpredicted: int
    tied_studies: int
    mixed_studies: int
    groups: tuple[GroupScores, ...]

    def __iter__(self) -> Iterator[GroupScores]:
        return iter(self.groups)

    def group(self, group: str = OVERALL, *, unit: str = IMAGE) -> GroupScores:
        """Return the scores of one group; an unknown unit or group is an UnknownNameError that offers the nearest."""
        found = {each.group: each for each in self.groups if each.unit == unit}
        if not found:
            raise unknown_name("unit", unit, UNITS)
        if group not in found:
            raise unknown_name("group", group, found)
        return found[group]

    def interval(self, metric: str, group: str = OVERALL, *, unit: str = IMAGE) -> Interval:
        """Return one metric of one group; an unknown name is an UnknownNameError that offers the nearest."""
        intervals = self.group(group, unit=unit).intervals
        if metric not in intervals:
            raise unknown_name("metric", metric, intervals)
        return intervals[metric]

    @property
    def learned(self) -> bool:
        """Whether the whole interval of the image-level AUROC lies above 0.5."""
        return above_chance(self.interval("auroc"))

    @property
    def verdict(self) -> str:
        """One line on :attr:`learned`, to be shown wherever the model is."""
        found = self.interval("auroc")
        if self.learned:
            return f"learned: image-level AUROC {found}"
        if found.low is None:
            return f"did not learn, as far as these cases tell: image-level AUROC {found}"
        if found.includes(0.5):
            return f"did not learn: the interval of the image-level AUROC {found} includes 0.5"
        return f"did not learn: image-level AUROC {found} lies below 0.5 (are the classes swapped?)"

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row for each unit, group and metric; NaN where a value is not defined."""
        import pandas as pd

        rows = [
            {
                "unit": each.unit,
                "group": each.group,
                "metric": metric,
                **{key: getattr(interval, key) for key in ("estimate", "low", "high", "undefined", "reason")},
                **{key: getattr(each, key) for key in ("cases", "positives", "clusters")},
            }
            for each in self.groups
            for metric, interval in each.intervals.items()
        ]
        return pd.DataFrame(rows).astype({"estimate": float, "low": float, "high": float})

    def to_json(self) -> Json:
        """Return plain JSON for ``metrics.json``, None where a value is not defined; the verdict is for readers."""
        return asdict(self) | {"groups": [asdict(each) for each in self.groups], "verdict": self.verdict}

    @classmethod
    def from_json(cls, content: Json) -> "Evaluation":
        """Return what :meth:`to_json` wrote; anything else is a ReaderError."""
        try:
            groups = tuple(
                GroupScores(**(each | {"intervals": {k: Interval(**v) for k, v in each["intervals"].items()}}))
                for each in content["groups"]
            )
            return cls(**{key: value for key, value in content.items() if key != "verdict"} | {"groups": groups})
        except (KeyError, TypeError, AttributeError) as error:
            raise ReaderError(f"not an evaluation of the workbench ({type(error).__name__}: {error})") from error
