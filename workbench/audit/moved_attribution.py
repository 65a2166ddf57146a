"""How much of their attribution several models put on one thing, film by film, and how much it moved between them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from workbench.core.case import Case
from workbench.core.errors import ManifestError, OptionError, Skipped, WorkbenchError
from workbench.core.explanation import Explanation
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.core.seeding import derived_generator
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Interval, Resampling, mean_interval
from workbench.imaging.regions import attribution_share

Explain = Callable[[str], Explanation]
"""Takes a case id to the map of that one film."""


@dataclass(frozen=True)
class MovedAttribution:
    """Shares of several models' maps on one thing, on the same films.

    Parameters
    ----------
    category
        Of the annotations: what the shares lie on.
    table
        A row a film: ``case_id, patient_id, area`` and the share of each model by its name. Only films on which every
        model's map has positive mass, so that all means are over the same films.
    models
        Their names, in the order of the subtractions.
    area
        Mean share of the film that the thing covers: what maps that point nowhere would have.
    shares
        Mean share by model, with its interval over resampled patients.
    changes
        By pair (a, b): the mean of b's share minus a's, film by film, with its interval over resampled patients.
    skipped
        Films left out: not readable, refused, or a map without positive mass.
    """

    category: str
    table: tuple[dict[str, Any], ...]
    models: tuple[str, ...]
    area: float
    shares: dict[str, Interval]
    changes: dict[tuple[str, str], Interval]
    skipped: tuple[Skipped, ...] = ()

    def to_frame(self) -> Any:
        """Return the table as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.table, columns=["case_id", "patient_id", "area", *self.models])


def films_with(manifest: Manifest, category: str, *, count: int, seed: int = 0) -> Manifest:
    """Return at most ``count`` films on which a thing is annotated, drawn at random by ``seed``, in their order.

    Parameters
    ----------
    manifest
        Where to draw from.
    category
        Of the annotations.
    count
        How many at most.
    seed
        The same seed and films give the same choice.

    Returns
    -------
    Manifest
        At least one film.

    Raises
    ------
    ManifestError
        No film has such a thing annotated.
    """
    having = [case for case in manifest if case.has(category)]
    if not having:
        known = ", ".join(sorted({each.category for case in manifest for each in case.annotations})) or "nothing"
        raise ManifestError(f"no {category!r} is annotated on any of {len(manifest)} films; annotated is {known}")
    generator = derived_generator(seed, "films with", category)
    picked = sorted(generator.permutation(len(having))[:count])
    return manifest.where(having[place] for place in picked)


def moved_attribution(
    models: Mapping[str, Explain],
    cases: Sequence[Case],
    *,
    category: str = "flag",
    resampling: Resampling = DEFAULT_RESAMPLING,
    progress: Progress | None = None,
) -> MovedAttribution:
    """Measure the share of each model's map on a thing, on the same films.

    Parameters
    ----------
    models
        By name; what returns the map of one film. A film that one of them cannot explain is left out for all.
    cases
        With such a thing annotated.
    category
        The thing.
    resampling
        Of patients.
    progress
        Called after each film.

    Returns
    -------
    MovedAttribution
        Means and paired changes over the films that every model has a map with positive mass of.

    Raises
    ------
    OptionError
        There is no model, or no film is left.
    """
    if not models:
        raise OptionError("no model whose attribution could be measured; give at least one")
    rows, skipped = [], []
    for done, case in enumerate(cases, start=1):
        try:
            rows.append(_row(models, case, category))
        except WorkbenchError as error:
            skipped.append(Skipped(case.case_id, str(error)))
        if progress:
            progress(done, len(cases))
    if not rows:
        first = f"; first: {skipped[0]}" if skipped else ""
        raise OptionError(f"no film is left of {len(cases)} to measure the share on the {category} of{first}")
    return _joined(tuple(models), tuple(rows), category, skipped, resampling)


def _row(models: Mapping[str, Explain], case: Case, category: str) -> dict[str, Any]:
    region = case.mask(category)
    row: dict[str, Any] = {"case_id": case.case_id, "patient_id": case.patient_id, "area": float(region.mean())}
    for name, explain in models.items():
        share = attribution_share(explain(case.case_id).on_film(0), region)
        if not np.isfinite(share):
            raise OptionError(f"the map of {name} has no positive value")
        row[name] = share
    return row


def _joined(
    names: tuple[str, ...],
    rows: tuple[dict[str, Any], ...],
    category: str,
    skipped: Iterable[Skipped],
    resampling: Resampling,
) -> MovedAttribution:
    patients = [row["patient_id"] for row in rows]
    values = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}
    return MovedAttribution(
        category=category,
        table=rows,
        models=names,
        area=float(np.mean([row["area"] for row in rows])),
        shares={name: mean_interval(values[name], patients, resampling=resampling) for name in names},
        changes={
            (a, b): mean_interval(values[b] - values[a], patients, resampling=resampling)
            for a, b in combinations(names, 2)
        },
        skipped=tuple(skipped),
    )
