"""Boxes of maps: where they lie on films of any recipe, and that other programs can read them."""

import json
from collections import defaultdict

import numpy as np
import pytest

import workbench as wb
from workbench.core.coco import annotations_by_image
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.geometry import scaling, translation

SIZES = np.array([[80, 120], [60, 40], [50, 50]])


@pytest.fixture
def explanation():
    maps = np.full((3, 8, 8), -1.0, dtype=np.float32)
    maps[0, 2:4, 5:7] = 4.0
    maps[0, 7, 0] = 3.0  # above the threshold as well, but smaller
    maps[1, 0, 0] = 2.0
    to_film = np.stack([scaling(15, 10), translation(8, 12) @ scaling(3, 6), scaling(6.25, 6.25)])
    probabilities = np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5]])
    about = {"class_names": ["normal", "abnormal"]}
    return Explanation("grad-cam", ("a", "b", "c"), np.array([1, 0, 1]), maps, to_film, SIZES, probabilities, about)


def test_boxes_lie_in_film_pixels_around_the_largest_component(explanation):
    first, second, third = wb.map_boxes(explanation)
    assert first.peak == 4.0
    left, top, right, bottom = first.box
    # Bilinear flanks from 4 down to -1 cross 20 % of 4 after 0.64 of a cell: 9.6 pixels across, 6.4 down.
    assert (left, top, right, bottom) == (73, 19, 107, 41)
    assert second.box[:2] == (8, 12)  # nothing lies on what the crop left out
    assert third == wb.MapBox(None, -1.0)


def test_a_higher_threshold_makes_smaller_boxes_and_none_is_empty(explanation):
    areas = []
    for threshold in (0.0, 0.2, 0.5, 0.9):
        left, top, right, bottom = wb.map_boxes(explanation, threshold=threshold)[0].box
        areas.append((right - left) * (bottom - top))
    assert areas == sorted(set(areas), reverse=True)
    assert areas[-1] > 0


@pytest.mark.parametrize("threshold", [-0.1, 1.0, 20.0, float("nan")])
def test_a_threshold_that_is_no_share_is_refused(explanation, threshold):
    with pytest.raises(OptionError, match="share"):
        wb.map_boxes(explanation, threshold=threshold)


def test_coco_file_holds_all_films_and_classes_and_is_read_back(explanation, tmp_path):
    wb.write_map_boxes(explanation, tmp_path / "boxes.json", file_names={"a": "films/a.png"})
    document = json.loads((tmp_path / "boxes.json").read_text())
    assert [each["file_name"] for each in document["images"]] == ["films/a.png", "b", "c"]
    assert [(each["width"], each["height"]) for each in document["images"]] == [(120, 80), (40, 60), (50, 50)]
    assert [each["name"] for each in document["categories"]] == ["normal", "abnormal"]
    found = annotations_by_image(document)
    (first,) = found["films/a.png"]
    assert (first.category, first.box, first.source) == ("abnormal", (73, 19, 107, 41), "detected")
    assert [each.category for each in found["b"]] == ["normal"]
    assert "c" not in found
    scores = [(each["score"], each["probability"], each["threshold"]) for each in document["annotations"]]
    assert scores == [(4.0, 0.9, 0.2), (2.0, 0.6, 0.2)]


def test_coco_file_has_what_pycocotools_indexes(explanation, tmp_path):
    """Pycocotools' own ``createIndex`` and the fields its evaluation looks up, written out."""
    wb.write_map_boxes(explanation, tmp_path / "boxes.json", threshold=0.5)
    document = json.loads((tmp_path / "boxes.json").read_text())
    by_image = defaultdict(list)
    for each in document["annotations"]:
        by_image[each["image_id"]].append(each)
    images = {each["id"]: each for each in document["images"]}
    categories = {each["id"]: each for each in document["categories"]}
    assert set(by_image) == {1, 2} < set(images)
    for each in document["annotations"]:
        left, top, width, height = each["bbox"]
        assert each["area"] == width * height > 0
        assert left + width <= images[each["image_id"]]["width"]
        assert top + height <= images[each["image_id"]]["height"]
        assert each["category_id"] in categories
        assert each["iscrowd"] == 0
    assert len({each["id"] for each in document["annotations"]}) == len(document["annotations"])


def test_classes_without_names_are_numbered(explanation, tmp_path):
    nameless = Explanation(
        **{name: getattr(explanation, name) for name in ("method", "case_ids", "targets", "maps", "to_film")},
        film_sizes=SIZES,
        probabilities=explanation.probabilities,
    )
    wb.write_map_boxes(nameless, tmp_path / "boxes.json")
    document = json.loads((tmp_path / "boxes.json").read_text())
    assert [each["name"] for each in document["categories"]] == ["class 0", "class 1"]
