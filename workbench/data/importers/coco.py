"""Boxes and masks from anyone's COCO file, put on the films of a manifest; each is checked against its film."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.core.annotation import Annotation
from workbench.core.arrays import Box
from workbench.core.case import Case
from workbench.core.errors import ManifestError, ReaderError, Skipped
from workbench.core.files import read_json
from workbench.core.manifest import Manifest

MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading an entry raises that is not as COCO wants it."""
UNUSABLE = (ManifestError, *MALFORMED)
"""What an entry raises that cannot be used; :func:`reason_of` words it."""


@dataclass(frozen=True)
class CocoFile:
    """A COCO document, its parts found.

    Parameters
    ----------
    images
        By id; each has at least a ``file_name``.
    categories
        Names by id.
    entries
        The annotations, as they stand.
    """

    images: dict[Any, dict[str, Any]]
    categories: dict[Any, str]
    entries: list[Any]


def attach_coco(
    manifest: Manifest,
    document_path: str | Path,
    *,
    categories: Mapping[str, str] | Iterable[str] | None = None,
    source: str = "given",
) -> Manifest:
    """Put the boxes and masks of a COCO file on the films of a manifest.

    An image belongs to the film with its path, or else to the only film with its base name. What a film carries
    already is kept, and not attached again, so that attaching twice changes nothing. Boxes are widened to whole pixels
    and cut to the film; where only a mask is given, its box is the tight one. An entry may be polygons, run lengths
    (compressed or not), or a box alone.

    Parameters
    ----------
    manifest
        Its films must state their sizes, or the document must.
    document_path
        The file, with ``images``, ``annotations`` and ``categories``.
    categories
        Those to attach, each with its name in the manifest (or names that stay); None attaches all.
    source
        Who says so, for entries that do not say it themselves.

    Returns
    -------
    Manifest
        ``skipped`` gains the entries whose image no film is (once an image), or several might be, those drawn at
        another size or off the film, and those that are not COCO's.

    Raises
    ------
    ManifestError
        The file cannot be used as a whole, or a wanted category does not occur.
    """
    path = Path(document_path)
    document = read_coco(path)
    wanted = _wanted_categories(path, document, categories)
    films = _FilmsByName(manifest.cases)
    found: dict[str, list[Annotation]] = {}
    skipped: list[Skipped] = []
    strangers: Counter[tuple[str, str]] = Counter()
    for position, entry in enumerate(document.entries):
        try:
            image, name = document.images[entry["image_id"]], document.categories[entry["category_id"]]
            if name not in wanted:
                continue
            case = films.of(str(image["file_name"]))
            if isinstance(case, str):
                strangers[str(image["file_name"]), case] += 1
                continue
            fitted = fitted_annotation(entry, image, case, category=wanted[name], source=source)
            found.setdefault(case.image, []).append(fitted)
        except UNUSABLE as error:
            skipped.append(Skipped(f"{path}: annotation {position}", reason_of(error)))
    unknown = [Skipped(f"{path}: {name}", f"{why} ({count} annotations)") for (name, why), count in strangers.items()]
    cases = tuple(_with_more(case, found.get(case.image, ())) for case in manifest)
    return replace(manifest, cases=cases, skipped=(*manifest.skipped, *unknown, *skipped))


def read_coco(path: Path) -> CocoFile:
    """Read a COCO file; a ManifestError where it is absent or is not one."""
    try:
        document = read_json(path)
        images = {image["id"]: {**image, "file_name": str(image["file_name"])} for image in document["images"]}
        categories = {category["id"]: str(category["name"]) for category in document["categories"]}
        return CocoFile(images, categories, list(document["annotations"]))
    except ReaderError as error:
        raise ManifestError(str(error)) from error
    except MALFORMED as error:
        raise ManifestError(f"{path}: not COCO annotations ({type(error).__name__}: {error})") from error


def fitted_annotation(
    entry: Mapping[str, Any], image: Mapping[str, Any], case: Case, *, category: str, source: str
) -> Annotation:
    """Return one entry as it lies on its film.

    Parameters
    ----------
    entry
        COCO's, with ``bbox`` or ``segmentation``.
    image
        The one it belongs to.
    case
        The film.
    category
        Of the annotation.
    source
        Who says so where the entry has no ``source`` of its own.

    Returns
    -------
    Annotation
        Inside the film.

    Raises
    ------
    ManifestError
        It was drawn at another size or off the film, or its box or mask is none.
    KeyError, TypeError, ValueError, AttributeError, OverflowError
        It is not COCO's.
    """
    width, height = _size(image, case)
    segmentation = entry.get("segmentation") or None
    drawn = None
    if segmentation is not None:
        _check_polygons(segmentation)
        drawn = Annotation(category, (0, 0, width, height), segmentation).mask(height, width)
        if not drawn.any():
            raise ManifestError(f"its mask covers no pixel of {case.image}, {width} x {height}")
    box = _outer_pixels(entry["bbox"]) if drawn is None or "bbox" in entry else _tight_box(drawn)
    left, top, right, bottom = box
    inside = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
    return Annotation(category, inside, segmentation, str(entry.get("source", source)))


def reason_of(error: BaseException) -> str:
    """Return why an entry cannot be used."""
    return (
        str(error) if isinstance(error, ManifestError) else f"not a COCO annotation ({type(error).__name__}: {error})"
    )


class _FilmsByName:
    """Finds the film that a COCO file means by a name."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._by_path = {case.image: case for case in cases}
        self._by_base: dict[str, list[Case]] = {}
        for case in self._by_path.values():
            self._by_base.setdefault(_base_name(case.image), []).append(case)

    def of(self, name: str) -> Case | str:
        """Return the film, or why there is none."""
        if name in self._by_path:
            return self._by_path[name]
        alike = self._by_base.get(_base_name(name), [])
        if len(alike) == 1:
            return alike[0]
        if not alike:
            return "no film of the manifest has this name"
        return f"{len(alike)} films of the manifest have this name, {alike[0].image} for one; give the whole path"


def _base_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _wanted_categories(
    path: Path, document: CocoFile, categories: Mapping[str, str] | Iterable[str] | None
) -> dict[str, str]:
    names = sorted(set(document.categories.values()))
    if categories is None:
        return {name: name for name in names}
    wanted = dict(categories) if isinstance(categories, Mapping) else {name: name for name in categories}
    for name in wanted:
        if name not in names:
            raise ManifestError(f"{path} has no category {name!r}; it has {', '.join(names) or 'none'}")
    return wanted


def _size(image: Mapping[str, Any], case: Case) -> tuple[int, int]:
    """Return width and height of a film; a ManifestError where they differ from those drawn on, or are not known."""
    stated = int(image.get("width") or 0), int(image.get("height") or 0)
    known = case.width, case.height
    if all(stated) and all(known) and stated != known:
        raise ManifestError(f"drawn on {stated[0]} x {stated[1]} pixels, {case.image} has {known[0]} x {known[1]}")
    size = known if all(known) else stated
    if not all(size):
        raise ManifestError(f"neither the manifest nor the file states the size of {case.image}")
    return size


def _outer_pixels(bbox: Any) -> Box:
    """Return a COCO box (left, top, width, height) as the whole pixels that it touches."""
    left, top, width, height = map(float, bbox)
    return int(left // 1), int(top // 1), math.ceil(left + width), math.ceil(top + height)


def _tight_box(mask: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _check_polygons(segmentation: Any) -> None:
    """Refuse what a drawn outline is not: three or more corners, each two finite numbers."""
    for polygon in () if isinstance(segmentation, dict) else segmentation:
        numbers = [float(number) for number in polygon]
        if len(numbers) < 6 or len(numbers) % 2 or not all(map(math.isfinite, numbers)):
            raise ManifestError(f"an outline of {len(numbers)} numbers; wanted x, y of three or more corners")


def _with_more(case: Case, found: Iterable[Annotation]) -> Case:
    """Return the case with what it does not carry yet; who says it makes no other annotation of it."""
    annotations = list(case.annotations)
    for each in found:
        known = [(other.category, other.box, other.segmentation) for other in annotations]
        if (each.category, each.box, each.segmentation) not in known:
            annotations.append(each)
    return replace(case, annotations=tuple(annotations)) if len(annotations) > len(case.annotations) else case
