"""The boxes that maps mark on their films, and the COCO file that tells other programs of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.core.annotation import Annotation
from workbench.core.arrays import Box, Json
from workbench.core.coco import annotation_entry
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.files import write_json
from workbench.imaging.regions import map_box

THRESHOLD = 0.2
"""Share of a map's maximum, as the per-body-part models take it."""


@dataclass(frozen=True)
class MapBox:
    """What one map marks.

    Parameters
    ----------
    box
        In film pixels; None where the map has no positive value.
    peak
        The map's highest value on the film, in the map's own unit.
    threshold
        Above which share of the peak the box's component lies.
    """

    box: Box | None
    peak: float
    threshold: float = THRESHOLD


def map_boxes(explanation: Explanation, *, threshold: float = THRESHOLD) -> tuple[MapBox, ...]:
    """Return what each of n maps marks: the largest component above ``threshold`` times the map's maximum.

    Parameters
    ----------
    explanation
        Of n films.
    threshold
        Share of the maximum, from 0 up to below 1; see :func:`workbench.imaging.regions.map_box`.

    Returns
    -------
    tuple[MapBox, ...]
        In the order of the cases.

    Raises
    ------
    OptionError
        Another threshold.
    """
    check_threshold(threshold)
    film_maps = (explanation.on_film(index) for index in range(len(explanation)))
    return tuple(MapBox(map_box(each, threshold=threshold), float(each.max()), threshold) for each in film_maps)


def check_threshold(threshold: float) -> None:
    """Refuse with an OptionError what is no share of a maximum that anything can exceed."""
    if not 0 <= threshold < 1:
        raise OptionError(f"threshold {threshold} is no share of the maximum; wanted 0 to below 1, such as {THRESHOLD}")


def write_map_boxes(
    explanation: Explanation,
    path: str | Path,
    *,
    threshold: float = THRESHOLD,
    file_names: Mapping[str, str] | None = None,
) -> None:
    """Write the boxes of maps as COCO JSON; see :func:`map_boxes` and :func:`coco_of_boxes`."""
    write_json(Path(path), coco_of_boxes(explanation, map_boxes(explanation, threshold=threshold), file_names))


def coco_of_boxes(
    explanation: Explanation, boxes: Sequence[MapBox], file_names: Mapping[str, str] | None = None
) -> Json:
    """Return boxes of maps as a COCO document: every film, also those without a box, and every class as a category.

    Parameters
    ----------
    explanation
        Of n films; without ``class_names`` in its provenance classes are numbered.
    boxes
        n, as :func:`map_boxes` returned them.
    file_names
        Case id -> the film's path, as the data set's own COCO file has it; the case id where nothing is said.

    Returns
    -------
    Json
        Each annotation's category is the class that the map speaks for, its ``score`` the map's peak: comparable
        between films of one method and class, but no probability, which stands beside it.
    """
    files = file_names or {}
    images: list[dict[str, Json]] = []
    annotations: list[dict[str, Json]] = []
    for index, (case_id, marked) in enumerate(zip(explanation.case_ids, boxes, strict=True)):
        height, width = (int(side) for side in explanation.film_sizes[index])
        images.append({"id": index + 1, "file_name": files.get(case_id, case_id), "width": width, "height": height})
        if marked.box is not None:
            ids = {"id": len(annotations) + 1, "image_id": index + 1}
            annotations.append(ids | _entry(explanation, index, marked.box, marked))
    categories = [{"id": index + 1, "name": name} for index, name in enumerate(explanation.class_names)]
    info = {"description": f"Boxes of the maps of {explanation.method}"}
    return {"info": info, "images": images, "annotations": annotations, "categories": categories}


def _entry(explanation: Explanation, index: int, box: Box, marked: MapBox) -> dict[str, Json]:
    target = int(explanation.targets[index])
    return {
        "category_id": target + 1,
        **annotation_entry(Annotation("", box, source="detected")),
        "score": marked.peak,
        "probability": float(explanation.probabilities[index, target]),
        "threshold": marked.threshold,
    }
