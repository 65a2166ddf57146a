"""Boxes and masks of a COCO file on the films of a manifest: small made films, and the real ones."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.core.annotation import Annotation, annotation_from_mask
from workbench.core.case import Case
from workbench.core.coco import coco_document
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest, read_manifest, write_manifest
from workbench.data.importers.coco import attach_coco
from workbench.data.importers.fracatlas import DRAWN

WIDTH, HEIGHT = 30, 20
SQUARE = [4.0, 6.0, 12.0, 6.0, 12.0, 14.0, 4.0, 14.0]


def manifest_of(*images: str, **changes) -> Manifest:
    cases = [Case(f"case-{index}", f"{index}", f"{index}", image) for index, image in enumerate(images)]
    sized = tuple(replace(case, **({"width": WIDTH, "height": HEIGHT} | changes)) for case in cases)
    return Manifest("set", ("normal", "abnormal"), ("abnormal",), Path("films"), sized)


MANIFEST = manifest_of("a/one.png", "a/two.png", "b/two.png")


class Document:
    """A COCO file in the making."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, *entries, names=("a/one.png",), categories=("flag", "plate"), **image) -> Path:
        image = {"width": WIDTH, "height": HEIGHT} | image
        document = {
            "images": [{"id": index, "file_name": name, **image} for index, name in enumerate(names)],
            "categories": [{"id": index, "name": name} for index, name in enumerate(categories)],
            "annotations": list(entries),
        }
        self.path.write_text(json.dumps(document))
        return self.path


def entry(**changes) -> dict:
    return {"image_id": 0, "category_id": 0, "bbox": [4, 6, 8, 8]} | changes


@pytest.fixture
def document(tmp_path):
    return Document(tmp_path / "drawn.json")


def square_mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[6:14, 4:12] = True
    return mask


def uncompressed(mask: np.ndarray) -> dict:
    """Return COCO's run lengths as plain numbers, counted column by column."""
    flat = np.concatenate([[False], mask.T.ravel()])
    changes = np.flatnonzero(np.diff(flat.astype(int)) != 0)
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *changes, mask.size]).tolist()}


def compressed(mask: np.ndarray) -> dict:
    annotation = annotation_from_mask("x", mask)
    assert annotation is not None
    return annotation.segmentation


# what is attached

MASKS = {"polygons": [SQUARE], "compressed": compressed(square_mask()), "numbers": uncompressed(square_mask())}


@pytest.mark.parametrize(
    "given",
    [entry(), entry(segmentation=[])]
    + [entry(segmentation=mask) for mask in MASKS.values()]
    + [{"image_id": 0, "category_id": 0, "segmentation": mask} for mask in MASKS.values()],
    ids=["box", "box-empty", *(f"box-{name}" for name in MASKS), *MASKS],
)
def test_outlines_and_run_lengths_give_the_same_mask(document, given):
    (annotation,) = attach_coco(MANIFEST, document.write(given))[0].annotations
    assert annotation.box == (4, 6, 12, 14)
    assert (annotation.category, annotation.source) == ("flag", "given")
    np.testing.assert_array_equal(annotation.mask(HEIGHT, WIDTH), square_mask())


def test_categories_are_chosen_and_renamed(document):
    path = document.write(entry(), entry(category_id=1, bbox=[1, 1, 2, 2]), entry(category_id=1))

    def categories(wanted) -> list[str]:
        return [each.category for each in attach_coco(MANIFEST, path, categories=wanted)[0].annotations]

    assert categories(None) == ["flag", "plate", "plate"]
    assert categories(["flag"]) == ["flag"]
    assert categories({"plate": "hardware"}) == ["hardware", "hardware"]
    assert attach_coco(MANIFEST, path, categories=["flag"]).skipped == ()


def test_who_says_so(document):
    path = document.write(entry(), entry(bbox=[0, 0, 3, 3], source="reviewed"))
    annotations = attach_coco(MANIFEST, path, source="detected")[0].annotations
    assert [each.source for each in annotations] == ["detected", "reviewed"]


def test_boxes_are_widened_to_pixels_and_cut_to_the_film(document):
    path = document.write(entry(bbox=[-2.5, 3.4, 4.0, 40.0]))
    (annotation,) = attach_coco(MANIFEST, path)[0].annotations
    assert annotation.box == (0, 3, 2, HEIGHT)


def test_what_was_there_stays_and_nothing_is_doubled(document):
    mine = Annotation("hardware", (1, 1, 4, 4), source="reviewed")
    before = replace(MANIFEST, cases=(replace(MANIFEST[0], annotations=(mine,)), *MANIFEST.cases[1:]))
    path = document.write(entry(), entry(segmentation=[SQUARE]), entry())
    once = attach_coco(before, path)
    assert once[0].annotations[0] == mine
    assert len(once[0].annotations) == 3  # mine, the box, the outline
    twice = attach_coco(once, path)
    assert (twice.cases, twice.skipped) == (once.cases, once.skipped)
    assert twice.digest == once.digest


def test_what_was_attached_survives_writing_and_reading(document, tmp_path):
    attached = attach_coco(MANIFEST, document.write(entry(segmentation=uncompressed(square_mask()))))
    write_manifest(attached, tmp_path / "set.csv")
    assert read_manifest(tmp_path / "set.csv", "films").cases == attached.cases
    again = tmp_path / "again.json"
    again.write_text(json.dumps(coco_document(attached.cases)))
    assert attach_coco(MANIFEST, again).cases == attached.cases


def test_cases_of_one_film_are_all_annotated(document):
    manifest = manifest_of("a/one.png", "a/one.png")
    attached = attach_coco(manifest, document.write(entry()))
    assert [len(case.annotations) for case in attached] == [1, 1]


# which film is meant


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("a/one.png", "a/one.png"),
        ("one.png", "a/one.png"),
        (r"C:\films\one.png", "a/one.png"),
        ("b/two.png", "b/two.png"),
    ],
)
def test_the_path_or_else_the_only_base_name(document, name, image):
    attached = attach_coco(MANIFEST, document.write(entry(), names=(name,)))
    assert [case.image for case in attached if case.annotations] == [image]


def test_images_that_no_film_or_several_might_be_are_listed_once(document):
    entries = [entry(image_id=index) for index in (0, 0, 1)]
    path = document.write(*entries, names=("three.png", "two.png"))
    attached = attach_coco(MANIFEST, path)
    assert attached.cases == MANIFEST.cases
    assert [str(each) for each in attached.skipped] == [
        f"{path}: three.png: no film of the manifest has this name (2 annotations)",
        f"{path}: two.png: 2 films of the manifest have this name, a/two.png for one; "
        "give the whole path (1 annotations)",
    ]


# sizes


def test_another_size_is_refused(document):
    (skipped,) = attach_coco(MANIFEST, document.write(entry(), width=60, height=40)).skipped
    assert skipped.reason == "drawn on 60 x 40 pixels, a/one.png has 30 x 20"


def test_one_of_both_must_state_the_size(document):
    unsized = manifest_of("a/one.png", width=0, height=0)
    assert attach_coco(unsized, document.write(entry(bbox=[20, 10, 99, 99])))[0].annotations[0].box == (20, 10, 30, 20)
    assert attach_coco(MANIFEST, document.write(entry(), width=0, height=0)).skipped == ()
    (skipped,) = attach_coco(unsized, document.write(entry(), width=0, height=0)).skipped
    assert skipped.reason == "neither the manifest nor the file states the size of a/one.png"


# what is refused


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (entry(bbox=[40, 2, 5, 5]), "wanted left < right"),
        (entry(bbox=[1, 2, 0, 0]), "wanted left < right"),
        (entry(bbox=[1, 2]), "not a COCO annotation (ValueError"),
        (entry(bbox=[float("nan"), 2, 5, 4]), "not a COCO annotation (ValueError"),
        (entry(bbox=[1, 2, float("inf"), 4]), "not a COCO annotation (OverflowError"),
        ({"image_id": 0, "category_id": 0}, "not a COCO annotation (KeyError"),
        (entry(segmentation=[[1, 2, 3, 4]]), "an outline of 4 numbers; wanted x, y of three or more corners"),
        (entry(segmentation=[[40, 2, 50, 2, 50, 9]]), "its mask covers no pixel of a/one.png, 30 x 20"),
        (entry(segmentation=[[9e9, 2, 50, 2, 50, 9]]), "far outside the film"),
        (entry(segmentation={"size": [5, 5], "counts": [25]}), "its size is [5, 5], wanted [20, 30]"),
        (entry(segmentation={"size": [HEIGHT, WIDTH], "counts": [3, 4]}), "its runs cover 7 pixels, wanted 600"),
        (entry(segmentation={"size": [HEIGHT, WIDTH], "counts": "\x01"}), "its run lengths are not COCO's"),
        (entry(segmentation="text"), "not a COCO annotation (ValueError"),
        (entry(category_id=7), "not a COCO annotation (KeyError: 7)"),
        (entry(image_id=7), "not a COCO annotation (KeyError: 7)"),
        (entry(source="rumour"), "annotation source 'rumour' is not one of"),
        (5, "not a COCO annotation (TypeError"),
    ],
)
def test_bad_entries_are_listed_and_the_rest_attached(document, bad, words):
    path = document.write(bad, entry())
    attached = attach_coco(MANIFEST, path)
    (skipped,) = attached.skipped
    assert skipped.what == f"{path}: annotation 0"
    assert words in skipped.reason
    assert len(attached[0].annotations) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("{", "not readable as JSON"),
        ("[]", "not COCO annotations (TypeError"),
        ('{"images": []}', "not COCO annotations (KeyError: 'categories')"),
        (
            '{"images": [{"id": 1}], "categories": [], "annotations": []}',
            "not COCO annotations (KeyError: 'file_name')",
        ),
    ],
)
def test_another_file_is_refused(tmp_path, content, words):
    path = tmp_path / "drawn.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ManifestError) as caught:
        attach_coco(MANIFEST, path)
    assert words in str(caught.value)
    assert str(caught.value).count(str(path)) == 1


def test_an_absent_category_is_refused(document):
    with pytest.raises(ManifestError, match="has no category 'flags'; it has flag, plate"):
        attach_coco(MANIFEST, document.write(entry()), categories={"flags": "flag"})


# the real films


def test_the_drawn_fractures_come_back_from_their_own_file(real, shared_data):
    bare = replace(real, cases=tuple(replace(case, annotations=()) for case in real))
    attached = attach_coco(bare, shared_data / "FracAtlas-subset" / DRAWN, categories={"fractured": "fracture"})
    known = Counter((c.case_id, a.category, a.box, str(a.segmentation)) for c in real for a in c.annotations)
    found = Counter((c.case_id, a.category, a.box, str(a.segmentation)) for c in attached for a in c.annotations)
    assert set(found) == set(known)
    assert attached.skipped == real.skipped
    assert (
        attach_coco(attached, shared_data / "FracAtlas-subset" / DRAWN, categories={"fractured": "fracture"})
        == attached
    )


def test_the_markers_of_the_large_films_are_attached(real, shared_data, document):
    films = json.loads((shared_data / "fracatlas_markers.json").read_text())
    categories = {"side_letter": "flag", "text": "text", "logo": "logo"}
    marks = [
        (name, word, mark["box"] if word == "side_letter" else mark)
        for name, marked in films.items()
        for word in categories
        if (mark := marked[word])
    ]
    drawn = {
        "images": [
            {"id": name, "file_name": name, "width": film["size"][0], "height": film["size"][1]}
            for name, film in films.items()
        ],
        "categories": [{"id": word, "name": word} for word in categories],
        "annotations": [
            {"image_id": name, "category_id": word, "bbox": [left, top, right - left, bottom - top]}
            for name, word, (left, top, right, bottom) in marks
        ],
    }
    document.path.write_text(json.dumps(drawn))
    attached = attach_coco(real, document.path, categories=categories)
    assert attached.skipped == real.skipped
    gained = {case.image.rpartition("/")[2]: case for case in attached if case.has("flag")}
    assert set(gained) == set(films)
    assert sum(len(case.annotations) for case in attached) == 477 + len(marks)
    case = gained["IMG0000019.jpg"]
    assert {each.category: each.box for each in case.annotations if each.category != "fracture"} == {
        "flag": (1258, 483, 1297, 550),
        "text": (1231, 573, 1332, 605),
        "logo": (1786, 445, 1959, 630),
    }
    assert case.has("fracture")
