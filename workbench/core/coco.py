"""Annotations to and from COCO's JSON, keyed by the film's path."""

from collections.abc import Iterable
from typing import Any

from workbench.core.annotation import Annotation
from workbench.core.arrays import Json
from workbench.core.case import Case


def coco_document(cases: Iterable[Case]) -> Json:
    """Return the COCO document of all annotations; each annotated film is listed once, whatever cases show it."""
    annotated = list({case.image: case for case in cases if case.annotations}.values())
    names = sorted({annotation.category for case in annotated for annotation in case.annotations})
    category_ids = {name: index + 1 for index, name in enumerate(names)}
    images = [
        {"id": index + 1, "file_name": case.image, "width": case.width, "height": case.height}
        for index, case in enumerate(annotated)
    ]
    entries: list[dict[str, Any]] = []
    for image_id, case in enumerate(annotated, start=1):
        for annotation in case.annotations:
            ids = {"id": len(entries) + 1, "image_id": image_id, "category_id": category_ids[annotation.category]}
            entries.append(ids | annotation_entry(annotation))
    categories = [{"id": index, "name": name} for name, index in category_ids.items()]
    return {"images": images, "annotations": entries, "categories": categories}


def annotations_by_image(document: Json) -> dict[str, list[Annotation]]:
    """Return the annotations of each ``file_name``; images without any are left out.

    Parameters
    ----------
    document
        COCO's ``images``, ``annotations`` and ``categories``; ``source`` beside an annotation is ours.

    Returns
    -------
    dict[str, list[Annotation]]
        Boxes are widened to whole pixels.

    Raises
    ------
    KeyError, TypeError, ValueError
        The document is not COCO.
    """
    names = {image["id"]: str(image["file_name"]) for image in document["images"]}
    categories = {category["id"]: str(category["name"]) for category in document["categories"]}
    found: dict[str, list[Annotation]] = {}
    for entry in document["annotations"]:
        left, top, width, height = map(float, entry["bbox"])
        right, bottom = left + width, top + height
        box = (int(left), int(top), -int(-right // 1), -int(-bottom // 1))
        annotation = Annotation(
            categories[entry["category_id"]], box, entry.get("segmentation") or None, entry.get("source", "given")
        )
        found.setdefault(names[entry["image_id"]], []).append(annotation)
    return found


def annotation_entry(annotation: Annotation) -> dict[str, Any]:
    """Return what COCO says of one annotation, without its ids."""
    left, top, right, bottom = annotation.box
    return {
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": int(isinstance(annotation.segmentation, dict)),
        "segmentation": annotation.segmentation or [],
        "source": annotation.source,
    }
