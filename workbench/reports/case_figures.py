"""What case studies show: a figure and a table for each film and its model, and the square of crop and model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.attribution import explain
from workbench.audit.crop_square import CROPPED, WHOLE, CropSquare, box_mask, crop_square
from workbench.audit.region_shares import case_masks, stage_shares
from workbench.audit.what_if import Look
from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, Explanation
from workbench.core.files import safe_name, write_text
from workbench.core.manifest import Manifest
from workbench.plots.before_after import EditedView
from workbench.plots.sheet import Picture
from workbench.plots.square_figure import square_figure
from workbench.plots.theme import method_title, signed
from workbench.reports.case_studies import CaseStudies, CaseStudy
from workbench.reports.cases import EVIDENCE, draw_case, film_of

AREA = "share of the film"
MARKED = (*EVIDENCE, "flag", "text", "logo")
"""Outlined in the square; the frame is where the crop is."""
NOTHING = pd.DataFrame({"stage": ["nothing is annotated on this film"]})


@dataclass(frozen=True)
class ShownCase:
    """A film, explained by its model.

    Parameters
    ----------
    study
        Which film, which model.
    films
        The manifest.
    explanation
        The map.
    activations
        The top feature maps of each stage.
    """

    study: CaseStudy
    films: Manifest
    explanation: Explanation
    activations: Activations

    @cached_property
    def figure(self) -> Picture:
        """Film with an arrow at the evidence, map, and the top feature maps of each stage; its model in the heading."""
        told = {"title": self.study.title, "note": self.study.note}
        return draw_case(self.films, self.study.case_id, self.explanation, self.activations, **told)

    @cached_property
    def shares(self) -> pd.DataFrame:
        """Where along the network what is annotated is seen; see :func:`stage_share_frame`."""
        return stage_share_frame(self.activations, 0, self.films[0])

    def save(self, folder: Path) -> None:
        """Write figure and shares into a folder, named by case and run."""
        name = safe_name(f"{self.study.case_id} {self.study.run.id}")
        self.figure.save(folder / f"case-{name}.png")
        write_text(folder / f"stage-shares-{name}.csv", self.shares.to_csv(index=False))


def show_case(study: CaseStudy, films: Manifest, *, target: str = "predicted") -> ShownCase:
    """Explain a film by its model: the map of a class, and what each stage saw."""
    film = films.select([study.case_id])
    found = explain(study.model, film, [study.method, "activations"], target=target)
    explanation, activations = found[study.method], found["activations"]
    if not isinstance(explanation, Explanation) or not isinstance(activations, Activations):
        raise OptionError(f"{study.method} gives no map of a class; choose another method")
    return ShownCase(study, film, explanation, activations)


def stage_share_frame(activations: Activations, index: int, case: Case) -> pd.DataFrame:
    """Return where along the network a thing is seen, in numbers.

    Parameters
    ----------
    activations
        The most active maps of each stage.
    index
        Of the case among them.
    case
        With its annotations.

    Returns
    -------
    pd.DataFrame
        A row for each stage and thing: ``stage, category, share`` (mean over the maps of their positive mass on it,
        NaN where none has any) and ``area`` (of the film: the share of a map that is the same everywhere). Things may
        overlap, so shares need not sum to 1. No rows where nothing is annotated.
    """
    areas = {category: float(mask.mean()) for category, mask in case_masks(case).items()}
    rows = [
        (stage, category, share, areas[category]) for stage, category, share in stage_shares(activations, index, case)
    ]
    return pd.DataFrame(rows, columns=["stage", "category", "share", "area"])


def stage_share_table(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the shares for readers: a row a stage, a column a thing, over its area in brackets (1 is chance)."""
    if shares.empty:
        return NOTHING
    columns: dict[str, dict[str, str]] = {}
    for row in shares.to_dict("records"):
        column = columns.setdefault(row["category"], {AREA: f"{row['area']:.1%}"})
        column[row["stage"]] = _share(row["share"], row["area"])
    return pd.DataFrame(columns)


def show_square(studies: CaseStudies) -> CropSquare | None:
    """Show the pair's film to both models, as it is and cropped, for the abnormal class; None without a pair."""
    if not studies.pair:
        return None
    case = studies.films.select([studies.pair[0].case_id])[0]
    models = dict(zip(pair_names(studies), (each.model for each in studies.pair), strict=True))
    return crop_square(
        case,
        film_of(studies.films, case),
        models,
        target=studies.films.positive[0],
        box=studies.box,
        method=studies.pair[0].method,
    )


def pair_names(studies: CaseStudies) -> list[str]:
    """Return the names of the pair's models: their titles or names, with the run's end where these are alike."""
    names = [each.title or each.name for each in studies.pair]
    if len(set(names)) < len(names):
        return [f"{name} ({each.run.id[-4:]})" for name, each in zip(names, studies.pair, strict=True)]
    return names


def draw_square(studies: CaseStudies, square: CropSquare) -> Picture:
    """Draw the four looks on one scale, what is annotated outlined, and the crop on the film as it is."""
    first = studies.pair[0]
    rows = {
        f"{name} ({study.model.architecture}, run {study.run.id})": [_view(square, look) for look in looks]
        for (name, looks), study in zip(square.looks.items(), studies.pair, strict=True)
    }
    unit = "" if first.method == "cam" else ", each network in its own unit: compare places"
    below = f"{method_title(first.method)} of the class {square.target}, all on one scale{unit}"
    notes = ["the change is the crop's, for each model"]
    if any(each.method != each.asked for each in studies.pair):
        notes.append(f"one head has no {first.asked}, so {first.method} for both")
    title = f"{square.case.case_id}, labelled {square.case.label or 'not known'}"
    return square_figure(rows, title=title, below=below, note="; ".join(notes), positive=square.target)


def _view(square: CropSquare, look: Look) -> EditedView:
    outlined = {name: mask for name, mask in square.masks(look).items() if name in MARKED and mask.any()}
    if look.title == WHOLE:
        outlined |= {"crop": box_mask(square.box, look.film.pixels.shape)}
    return EditedView(look.title, look.film.pixels, look.film_map, look.probability, outlined)


def square_table(square: CropSquare) -> pd.DataFrame:
    """Return the four looks for readers: probability, and the map's share on what is annotated, over its area."""
    columns: dict[str, dict[str, str]] = {}
    frame = square.to_frame()
    for model, film in frame[["model", "film"]].drop_duplicates().itertuples(index=False):
        look = frame[(frame["model"] == model) & (frame["film"] == film)]
        probability = {f"probability of {square.target}": f"{look['probability'].iloc[0]:.3f}"}
        shares = {
            f"share on {row['category']}": _share(row["share"], row["area"])
            for row in look.to_dict("records")
            if row["category"]
        }
        columns[f"{model}, {film}"] = probability | shares
    return pd.DataFrame(columns)


def square_sentences(square: CropSquare) -> tuple[str, str, str]:
    """Return what the crop changed with each model, what the model changed with each film, and both at once."""
    (a, b), (c, d) = square.looks.values()
    first, second = (f"“{name}”" for name in square.looks)
    start, cropped, start_second, cropped_second = (look.probability for look in (a, b, c, d))
    apart = (cropped_second - start_second) - (cropped - start)
    what = f"the probability of {square.target}"
    return (
        f"The crop changed {what} with {first} {_step(start, cropped)}, and with {second} "
        f"{_step(start_second, cropped_second)}.",
        f"Taking {second} in place of {first} changed it on the film {WHOLE} {_step(start, start_second)}, and on the "
        f"{CROPPED} film {_step(cropped, cropped_second)}.",
        f"Both at once, as in the paper, changed it {_step(start, cropped_second)}; the crop's change with {second} "
        f"minus that with {first} is {signed(apart, 3)}.",
    )


def _step(before: float, after: float) -> str:
    """Return a change in words; abnormal is strictly above 0.5."""
    turned = ", which turns the verdict" if (before > 0.5) != (after > 0.5) else ""
    return f"from {before:.3f} to {after:.3f} ({signed(after - before, 3)}{turned})"


def _share(share: float, area: float) -> str:
    """Return a share and how many times its area that is: ``12.0 % (4.1)``."""
    if area == 0:
        return "cropped away"
    return "no positive value" if np.isnan(share) else f"{share:.1%} ({share / area:.1f})"
