"""What a model comparison says in numbers: metrics of each model, tests of each pair, and curves, on the same films."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from workbench.core.errors import WorkbenchError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.agreement import common_cases
from workbench.evaluation.comparison import Comparison, compare_predictions
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Resampling
from workbench.evaluation.metrics import METRICS
from workbench.evaluation.scores import KIND_PREFIX, OVERALL, Evaluation
from workbench.evaluation.units import IMAGE
from workbench.plots.metric_charts import METRIC_TITLES


@dataclass(frozen=True)
class ComparisonNumbers:
    """Models compared on the films that all of them have classified.

    Parameters
    ----------
    said
        What each model said of these films.
    films
        They; where no film is shared, those of all models, and then each is scored on its own.
    evaluations
        By model.
    comparison
        In pairs; None where there is nothing to compare.
    learned
        By model, on its own kind of films where that is known, else on these.
    unit
        What the pairs were compared on.
    reason
        Why something is missing; empty where nothing is.
    """

    said: dict[str, Predictions]
    films: Manifest
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    comparison: Comparison | None = None
    learned: dict[str, bool] = field(default_factory=dict)
    unit: str = IMAGE
    reason: str = ""

    @property
    def marked(self) -> dict[str, str]:
        """The models' names, with the words that one did not learn."""
        return {name: name if self.learned.get(name, True) else f"{name} (did not learn)" for name in self.said}

    def scores(self, unit: str = IMAGE) -> pd.DataFrame:
        """Return every metric by model and group, as the charts take them; all films come last among the groups."""
        parts = [each.to_frame().assign(model=name) for name, each in self.evaluations.items()]
        if not parts:
            return pd.DataFrame(columns=["model", "group", "metric", "estimate", "low", "high", "cases", "unit"])
        frame = pd.concat(parts, ignore_index=True)
        frame = frame[(frame["unit"] == unit) & ~frame["group"].str.startswith(KIND_PREFIX)]
        return frame.sort_values("group", key=lambda groups: groups == OVERALL, kind="stable", ignore_index=True)

    def overall(self, unit: str = IMAGE) -> pd.DataFrame:
        """Return the rows of :meth:`scores` that are of all films."""
        frame = self.scores(unit)
        return frame[frame["group"] == OVERALL].reset_index(drop=True)

    def table(self, unit: str = IMAGE) -> pd.DataFrame:
        """Return texts: a row for each metric, a column for each model, an interval in every cell that has one."""
        columns = {}
        for name, evaluation in self.evaluations.items():
            found = evaluation.group(unit=unit)
            counts = {"cases": f"{found.cases} ({found.positives} abnormal), {found.clusters} patients"}
            counts["better than guessing here"] = "yes" if evaluation.learned else "no"
            columns[name] = counts | {METRIC_TITLES.get(key, key): str(found.intervals[key]) for key in METRICS}
        return pd.DataFrame(columns)


def comparison_numbers(
    said: Mapping[str, Predictions],
    films: Manifest,
    *,
    unit: str = IMAGE,
    learned: Mapping[str, bool] | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> ComparisonNumbers:
    """Score models and compare them in pairs.

    Parameters
    ----------
    said
        Predictions by model, of films of the manifest.
    films
        With labels and patients.
    unit
        What the pairs are compared on.
    learned
        Which models learned, where that is known from their own kind of films.
    resampling
        Of patients.

    Returns
    -------
    ComparisonNumbers
        What could not be computed is missing, and ``reason`` says why; nothing is raised for bad data.
    """
    reasons, known = [], dict(said)
    try:
        shared = common_cases(said)
        known = {name: each.select(shared) for name, each in said.items()}
    except WorkbenchError as error:
        reasons.append(str(error))
    seen = {case_id for each in known.values() for case_id in each.case_ids}
    scored = films.where(case for case in films if case.case_id in seen)
    evaluations: dict[str, Evaluation] = {}
    for name, each in known.items():
        try:
            evaluations[name] = evaluate(each, scored.select(each.case_ids), resampling=resampling)
        except WorkbenchError as error:
            reasons.append(f"{name}: {error}")
    verdicts = {name: each.learned for name, each in evaluations.items()}
    verdicts |= {name: did for name, did in (learned or {}).items() if name in known}
    comparison = None
    if not reasons:
        try:
            comparison = compare_predictions(said, films, unit=unit, learned=verdicts, resampling=resampling)
        except WorkbenchError as error:
            reasons.append(str(error))
    return ComparisonNumbers(
        known, scored, evaluations, comparison, verdicts, unit, " ".join(f"{each}." for each in reasons)
    )
