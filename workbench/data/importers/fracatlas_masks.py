"""The fractures that FracAtlas's authors drew, as COCO polygons; each entry is checked against its film."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.core.annotation import Annotation
from workbench.core.coco import annotations_by_image
from workbench.core.errors import ManifestError, ReaderError, Skipped
from workbench.core.files import read_json
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
        document = read_json(path)
        images = {image["id"]: image for image in document["images"]}
        entries, categories = list(document["annotations"]), list(document["categories"])
    except ReaderError as error:
        return None, [Skipped(str(path), str(error).removeprefix(f"{path}: "))]
    except (KeyError, TypeError) as error:
        return None, [Skipped(str(path), f"not COCO annotations ({type(error).__name__}: {error})")]
    found: dict[str, list[Annotation]] = {}
    skipped: list[Skipped] = []
    for position, entry in enumerate(entries):
        try:
            image = images[entry["image_id"]]
            name = str(image["file_name"])
            if name in films:
                of_film = found.setdefault(name, [])  # before it is checked: a bad drawing is a witness too
                of_film.append(_fracture(entry, image, categories, films[name]))
        except ManifestError as error:
            skipped.append(Skipped(f"{path}: annotation {position}", str(error)))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = f"not a COCO annotation ({type(error).__name__}: {error})"
            skipped.append(Skipped(f"{path}: annotation {position}", reason))
    return found, skipped


def _fracture(entry: Any, image: Any, categories: list[Any], film: FilmFile) -> Annotation:
    """Return one drawn fracture; a ManifestError says why it does not fit its film."""
    stated = (image["width"], image["height"])
    if stated != (film.width, film.height):
        raise ManifestError(f"drawn on {stated[0]} x {stated[1]} pixels, {film.image} has {film.width} x {film.height}")
    _check_polygons(entry.get("segmentation") or [])
    ((annotation,),) = annotations_by_image(
        {"images": [image], "annotations": [entry], "categories": categories}
    ).values()
    left, top, right, bottom = annotation.box
    box = (max(left, 0), max(top, 0), min(right, film.width), min(bottom, film.height))
    return replace(annotation, category="fracture", box=box, source="given")


def _check_polygons(polygons: Any) -> None:
    """Refuse what a drawn outline is not: three or more corners, each two finite numbers."""
    for polygon in polygons:
        numbers = [float(number) for number in polygon]
        if len(numbers) < 6 or len(numbers) % 2 or not all(map(math.isfinite, numbers)):
            raise ManifestError(f"an outline of {len(numbers)} numbers; wanted x, y of three or more corners")
