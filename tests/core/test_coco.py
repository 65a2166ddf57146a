import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.core.annotation import CATEGORIES, SOURCES, Annotation, annotation_from_mask
from workbench.core.case import Case
from workbench.core.coco import annotations_by_image, coco_document
from workbench.core.errors import ManifestError

SIDE = 20
CORNERS = st.tuples(st.integers(0, SIDE - 2), st.integers(0, SIDE - 2))
WORDS = st.one_of(st.sampled_from(CATEGORIES), st.text(min_size=1, max_size=5))


@st.composite
def boxes(draw):
    left, top = draw(CORNERS)
    return left, top, draw(st.integers(left + 1, SIDE)), draw(st.integers(top + 1, SIDE))


POLYGON = st.lists(st.floats(0, SIDE), min_size=3, max_size=6).map(lambda numbers: [*numbers, *numbers[::-1]])
MASKED = arrays(np.bool_, (SIDE, SIDE)).filter(np.any)
ANNOTATIONS = st.one_of(
    st.builds(Annotation, WORDS, boxes(), st.none(), st.sampled_from(SOURCES)),
    st.builds(Annotation, WORDS, boxes(), st.lists(POLYGON, min_size=1, max_size=3), st.sampled_from(SOURCES)),
    st.builds(annotation_from_mask, WORDS, MASKED, st.sampled_from(SOURCES)),
)


def cases_of(groups) -> list[Case]:
    return [
        Case(f"c{index}", "p", "s", f"films/{index}.png", width=SIDE, height=SIDE, annotations=tuple(group))
        for index, group in enumerate(groups)
    ]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(ANNOTATIONS, max_size=3), max_size=4))
def test_everything_comes_back_through_json(groups):
    cases = cases_of(groups)
    back = annotations_by_image(json.loads(json.dumps(coco_document(cases))))
    assert back == {case.image: list(case.annotations) for case in cases if case.annotations}
    for case in cases:
        for mine, other in zip(case.annotations, back.get(case.image, []), strict=True):
            np.testing.assert_array_equal(mine.mask(SIDE, SIDE), other.mask(SIDE, SIDE))


def test_the_document_is_what_cocos_own_reader_takes(tmp_path, capsys):
    from pycocotools.coco import COCO

    mask = np.zeros((SIDE, SIDE), bool)
    mask[3:5, 2:9] = True
    masked = annotation_from_mask("fracture", mask)
    assert masked is not None
    square = Annotation("flag", (0, 0, 4, 4), [[0, 0, 4, 0, 4, 4, 0, 4]])
    path = tmp_path / "a.coco.json"
    path.write_text(json.dumps(coco_document(cases_of([[masked, square], []]))))
    theirs = COCO(str(path))
    assert [each["file_name"] for each in theirs.dataset["images"]] == ["films/0.png"]
    assert sorted(each["name"] for each in theirs.loadCats(theirs.getCatIds())) == ["flag", "fracture"]
    drawn = {theirs.loadCats(each["category_id"])[0]["name"]: each for each in theirs.loadAnns(theirs.getAnnIds())}
    np.testing.assert_array_equal(theirs.annToMask(drawn["fracture"]), mask)
    assert drawn["fracture"]["bbox"] == [2, 3, 7, 2]
    assert drawn["flag"]["bbox"] == [0, 0, 4, 4]


def test_a_film_of_two_cases_is_listed_once():
    """The same film may stand in two splits; listed twice, it would come back with everything doubled."""
    flag = Annotation("flag", (0, 0, 2, 2))
    twice = [Case(name, "p", "s", "a.png", width=9, height=9, annotations=(flag,)) for name in ("one", "other")]
    document = coco_document(twice)
    assert len(document["images"]) == 1
    assert annotations_by_image(document) == {"a.png": [flag]}


def test_broken_pixels_widen_the_box():
    document = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "categories": [{"id": 3, "name": "fracture"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1.2, 2.0, 3.5, 4.0]}],
    }
    assert annotations_by_image(document) == {"a.png": [Annotation("fracture", (1, 2, 5, 6))]}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"images": None}, TypeError),
        ({"images": [{"id": 1}]}, KeyError),
        ({"categories": []}, KeyError),
        ({"annotations": [{"image_id": 9, "category_id": 3, "bbox": [0, 0, 1, 1]}]}, KeyError),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1]}]}, ValueError),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": "abcd"}]}, ValueError),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 0, 1]}]}, ManifestError),
    ],
)
def test_what_is_no_coco_is_an_error(change, error):
    document = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "categories": [{"id": 3, "name": "fracture"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1]}],
    }
    assert annotations_by_image(document)
    with pytest.raises(error):
        annotations_by_image(document | change)
