"""Single cases as reports show them: the case figure, the sheet's rows, and the film before and after an edit."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from workbench.audit.edits import Cover
from workbench.audit.what_if import Look, what_if
from workbench.core.case import Case
from workbench.core.errors import ManifestError
from workbench.core.explanation import Activations, Explanation
from workbench.core.files import safe_name
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import read_radiograph
from workbench.imaging.regions import largest_component
from workbench.models.classifier import Classifier
from workbench.plots.before_after import EditedView, before_after
from workbench.plots.case_figure import case_figure
from workbench.plots.explanation_sheet import Row
from workbench.plots.sheet import Picture

EVIDENCE = ("evidence", "fracture")
"""Categories at which the arrow of a case figure points."""
OUTLINED = ("evidence", "fracture", "flag", "text", "logo", "frame", "hardware")


def sheet_rows(films: Manifest, explanation: Explanation) -> list[Row]:
    """Return the rows of an explanation sheet, in the explanation's order."""
    rows = []
    for index, case_id in enumerate(explanation.case_ids):
        case = films.select([case_id])[0]
        probability = explanation.probabilities[index, films.class_names.index(films.positive[0])]
        words = f"{case.label or 'label not known'}, p({films.positive[0]}) = {probability:.2f}"
        rows.append(Row(film_of(films, case), known_masks(case), words))
    return rows


def draw_case(
    films: Manifest,
    case_id: str,
    explanation: Explanation,
    activations: Activations,
    *,
    title: str = "",
    note: str = "",
) -> Picture:
    """Draw the case figure of one film: film, map, and the top feature maps of each stage.

    The title is body part and view where none is given; the note says which model this is.
    """
    case = films.select([case_id])[0]
    evidence = largest_component(case.mask(*EVIDENCE))  # of two fractures the arrow shows one, not the middle
    return case_figure(
        film_of(films, case),
        explanation,
        activations,
        explanation.index(case_id),
        label=case.label,
        class_names=films.class_names,
        arrow_box=evidence if evidence.any() else None,
        title=title or f"{case.body_part} {case.view}".strip(),
        note=note,
    )


def draw_cover(
    classifier: Classifier, films: Manifest, case_id: str, *, category: str, method: str = "grad-cam", name: str = ""
) -> Picture:
    """Draw one film as it is, with a thing covered, and with a control patch covered; maps share one scale.

    Parameters
    ----------
    classifier
        The model whose maps and probabilities are shown, for its first abnormal class.
    films
        The manifest that the film belongs to.
    case_id
        Of the film.
    category
        What to cover: ``flag``, ``frame`` ...
    method
        Of the maps.
    name
        Of the model for readers; its architecture where nothing is said.

    Returns
    -------
    Picture
        Without a control patch where none has a place on the film.

    Raises
    ------
    ManifestError
        Nothing of this category is annotated on the film.
    """
    case = films.select([case_id])[0]
    if not case.has(category):
        raise ManifestError(f"{case_id} has no {category!r} annotated, so there is nothing to cover")
    region, target = case.mask(category), classifier.positive[0]
    seen = what_if(classifier, case, film_of(films, case), Cover(), region, target=target, method=method)
    views = [
        _edited_view(seen.before, "as it is", known_masks(case)),
        _edited_view(seen.after, f"{category} covered", known_masks(case)),
    ]
    if seen.control is not None and seen.control_region is not None:
        masks = known_masks(case) | {"control": seen.control_region}
        views.append(_edited_view(seen.control, "control patch covered", masks))
    title = f"{name or classifier.architecture}: {case_id}, labelled {case.label or 'not known'}"
    return before_after(views, title=title, method=method, positive=target)


def _edited_view(look: Look, title: str, masks: dict[str, np.ndarray]) -> EditedView:
    return EditedView(title, look.film.pixels, look.film_map, look.probability, masks)


def save_explanations(found: Mapping[str, Explanation | Activations], folder: Path) -> None:
    """Write every explanation into a folder, named by its method."""
    for label, explanation in found.items():
        explanation.save(folder / f"explanation-{safe_name(label)}.npz")


def film_of(films: Manifest, case: Case) -> np.ndarray:
    """Return the pixels (h, w) of a case."""
    return read_radiograph(films.path(case)).pixels


def known_masks(case: Case) -> dict[str, np.ndarray]:
    """Return the masks (h, w) of what is annotated on a film, by category, anatomy left out."""
    return {category: case.mask(category) for category in OUTLINED if case.has(category)}
