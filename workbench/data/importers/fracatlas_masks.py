"""The fractures that FracAtlas's authors drew, as COCO polygons."""

from collections.abc import Mapping
from pathlib import Path

from workbench.core.annotation import Annotation
from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.data.importers.coco import UNUSABLE, fitted_annotation, read_coco, reason_of
from workbench.data.importers.files import FilmFile


def read_drawn_fractures(
    path: Path, films: Mapping[str, FilmFile]
) -> tuple[dict[str, list[Annotation]] | None, list[Skipped]]:
    """Read the drawn fractures of the films that can be used.

    Parameters
    ----------
    path
        The COCO file.
    films
        By file name; drawings of other films are passed over.

    Returns
    -------
    tuple of dict or None and list of Skipped
        Annotations of the category ``fracture`` by file name, boxes cut to the film, polygons as drawn (a film whose
        drawings were all left out has an empty list; None where the file is absent or is not COCO), and why others
        were left out: drawn on a film of another size, outside it, or not a box with polygons.
    """
    try:
        document = read_coco(path)
    except ManifestError as error:
        return None, [Skipped(str(path), str(error).removeprefix(f"{path}: "))]
    found: dict[str, list[Annotation]] = {}
    skipped: list[Skipped] = []
    for position, entry in enumerate(document.entries):
        try:
            image = document.images[entry["image_id"]]
            if entry["category_id"] not in document.categories:
                raise KeyError(entry["category_id"])
            if image["file_name"] in films:
                of_film = found.setdefault(image["file_name"], [])  # before it is checked: a bad one is a witness too
                film = films[image["file_name"]]
                case = Case(film.image, "", "", film.image, width=film.width, height=film.height)
                of_film.append(fitted_annotation(entry, image, case, category="fracture", source="given"))
        except UNUSABLE as error:
            skipped.append(Skipped(f"{path}: annotation {position}", reason_of(error)))
    return found, skipped
