import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.annotation import Annotation, annotation_from_mask
from workbench.core.case import Case
from workbench.core.errors import ManifestError, ReaderError
from workbench.core.manifest import COLUMNS, Manifest, data_root, read_manifest, write_manifest

HEADER = 'name = "set"\nclass_names = ["normal", "abnormal"]\npositive = ["abnormal"]\n'
GOOD = "case_id,patient_id,study_id,image,label,width,height,spacing_mm,tags\n"


def written(folder: Path, text: str | bytes, header: str | bytes | None = HEADER, coco: object = None) -> Path:
    path = folder / "set.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if header is not None:
        path.with_suffix(".toml").write_bytes(header if isinstance(header, bytes) else header.encode())
    if coco is not None:
        path.with_suffix(".coco.json").write_text(json.dumps(coco))
    return path


def small() -> Manifest:
    mask = np.zeros((30, 40), bool)
    mask[3:9, 5:11] = True
    flag = annotation_from_mask("flag", mask)
    assert flag is not None
    line = [[1.5, 2, 9, 2, 9, 8.25]]
    cases = (
        Case("a", "p1", "s1", "x/a.png", "00", 40, 30, "abnormal", "train", "frontal", "L", "wrist", 0.1, ("t", "u")),
        Case("b", "p1", "s1", "x/b.png", "11", 40, 30, "normal", "test", twins=("a",), annotations=(flag,)),
        Case("c", "p2", "s2", "c.png", annotations=(flag, Annotation("fracture", (1, 2, 9, 9), line, "reviewed"))),
    )
    options = {"films": 3, "share": 0.25, "wide": True, "names": ["x", "y"], "word": 'a "b"\\'}
    options |= {"flag": {"share": 0.5, "strength": {"test-balanced": 0.0, "a b": 1}}}
    counts = {"films": {"train": 1, "test": 1}}
    return Manifest(
        "set",
        ("normal", "abnormal"),
        ("abnormal",),
        Path("/films"),
        cases,
        "who",
        "CC0",
        "a\nnote",
        options=options,
        counts=counts,
    )


# ----- what a manifest is


def test_parts_keep_root_and_header():
    whole = small()
    for part in (whole[1:], whole.split("train"), whole.select(["b"]), whole.where(whole.cases[:1])):
        assert (part.root, part.name, part.options) == (whole.root, whole.name, whole.options)
    assert [case.case_id for case in whole.split("test", "train")] == ["a", "b"]
    assert [case.case_id for case in whole.select(["c", "a"])] == ["c", "a"]
    assert whole[0].case_id == "a"
    assert whole[-1].case_id == "c"
    assert len(whole[:0]) == 0


def test_unknown_splits_and_cases_are_refused():
    with pytest.raises(ManifestError, match=r"set has no split 'valid'; it has , test, train"):
        small().split("train", "valid")
    with pytest.raises(ManifestError, match=r"set has no case 'x' \(2 of 3 are unknown\)"):
        small().select(["a", "x", "y"])


def test_studies_gather_their_films_in_order():
    assert [(study.study_id, [case.case_id for case in study.cases]) for study in small().studies()] == [
        ("s1", ["a", "b"]),
        ("s2", ["c"]),
    ]


def test_class_indices_follow_the_class_names():
    assert [small().class_index(case) for case in small()] == [1, 0, -1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positive": ("broken",)}, "positive class 'broken' is not one of normal, abnormal"),
        ({"class_names": ("abnormal", "abnormal")}, "a class occurs twice"),
        ({"cases": small().cases[:1] * 2}, "a case_id occurs twice"),
    ],
)
def test_contradictions_are_refused(change, words):
    with pytest.raises(ManifestError, match=words):
        replace(small(), **change)


def test_films_lie_inside_the_root(tmp_path):
    whole = replace(small(), root=tmp_path)
    assert whole.path(whole[0]) == tmp_path.resolve() / "x" / "a.png"
    with pytest.raises(ReaderError, match="leaves its folder"):
        whole.path(replace(whole[0], image="../a.png"))


def test_frame_has_a_row_a_case():
    frame = small().to_frame()
    assert list(frame.columns) == [*COLUMNS, "categories"]
    assert list(frame["categories"]) == ["", "flag", "flag fracture"]
    assert len(small()[:0].to_frame()) == 0


# ----- the digest


def test_digest_knows_nothing_of_root_notes_and_reading(tmp_path):
    whole = small()
    other = replace(whole, root=tmp_path, note="other", source="", licence="", options={})
    assert other.digest == whole.digest
    write_manifest(whole, tmp_path / "set.csv")
    assert read_manifest(tmp_path / "set.csv").digest == whole.digest
    lines = (tmp_path / "set.csv").read_text().splitlines()
    turned = [",".join(reversed(line.split(","))) for line in lines]
    (tmp_path / "set.csv").write_text("\n".join(turned))
    assert read_manifest(tmp_path / "set.csv").digest == whole.digest


@pytest.mark.parametrize(
    "change",
    [
        {"label": "normal"},
        {"label": None},
        {"case_id": "z"},
        {"patient_id": "z"},
        {"image": "z.png"},
        {"sha256": "22"},
        {"split": "test"},
        {"width": 41},
        {"tags": ("t",)},
        {"twins": ("b",)},
        {"spacing_mm": 0.2},
        {"annotations": (Annotation("flag", (0, 0, 1, 1)),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_digest_changes_with_every_fact_of_a_case(change):
    whole = small()
    assert whole.where([replace(whole[0], **change), *whole[1:]]).digest != whole.digest


def test_digest_changes_with_masks_classes_and_order():
    whole, annotations = small(), small()[2].annotations
    changed = [
        replace(annotations[1], box=(1, 2, 9, 10)),
        replace(annotations[1], category="flag"),
        replace(annotations[1], segmentation=[[1.5, 2, 9, 2, 9, 8.5]]),
        replace(annotations[1], segmentation=None),
    ]
    others = [whole.where([*whole[:2], replace(whole[2], annotations=(annotations[0], each))]) for each in changed]
    others += [whole[::-1], whole[:2], replace(whole, positive=("normal",)), replace(whole, name="z")]
    others += [replace(whole, class_names=("abnormal", "normal"))]
    assert len({whole.digest, *(each.digest for each in others)}) == 1 + len(others)


# ----- writing and reading back


def test_what_is_written_comes_back_equal(tmp_path):
    whole = small()
    write_manifest(whole, tmp_path / "set.csv")
    assert read_manifest(tmp_path / "set.csv", "/films") == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set.coco.json", "set.csv", "set.toml"]


def test_annotations_that_are_gone_are_gone_on_disk(tmp_path):
    write_manifest(small(), tmp_path / "set.csv")
    bare = small().where(replace(case, annotations=()) for case in small())
    write_manifest(bare, tmp_path / "set.csv")
    assert not (tmp_path / "set.coco.json").exists()
    assert read_manifest(tmp_path / "set.csv", "/films") == bare


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NAME = TEXT.filter(bool)
WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0;"), min_size=1, max_size=5)
PART = st.text("aé .,'\"-", min_size=1, max_size=4).filter(lambda part: part != "..")
FACTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("case_id", "patient_id", "study_id"), NAME),
        **dict.fromkeys(("sha256", "split", "view", "laterality", "body_part"), TEXT),
        **dict.fromkeys(("tags", "twins"), st.lists(WORD, max_size=3).map(tuple)),
        **dict.fromkeys(("width", "height"), st.integers(0, 10**6)),
        "image": st.lists(PART, min_size=1).map("/".join),
        "label": st.sampled_from([None, "normal", 'Bruch, "alt"\n']),
        "spacing_mm": st.floats(0, 1e8),
    }
)
TABLES = st.lists(FACTS, min_size=1, max_size=5, unique_by=lambda facts: facts["case_id"])
VALUES = st.one_of(TEXT, st.floats(), st.booleans())
OPTIONS = st.dictionaries(st.sampled_from("abc"), st.one_of(VALUES, st.dictionaries(TEXT, VALUES, max_size=2)))


@settings(deadline=None, max_examples=60)
@given(table=TABLES, note=TEXT, options=OPTIONS)
def test_any_text_and_number_comes_back_equal(tmp_path_factory, table, note, options):
    path = tmp_path_factory.mktemp("any") / "set.csv"
    classes = ("normal", 'Bruch, "alt"\n')
    cases = tuple(Case(**facts) for facts in table)
    whole = Manifest("set", classes, classes[1:], path.parent, cases, note=note, options=options)
    write_manifest(whole, path)
    back = read_manifest(path, path.parent)
    assert back.cases == whole.cases
    assert back.digest == whole.digest
    assert (back.class_names, back.note, repr(back.options)) == (classes, note, repr(options))


def test_root_comes_from_the_shelf_else_from_beside_the_manifests(tmp_path, monkeypatch):
    folder = tmp_path / "data_manifests"
    folder.mkdir()
    path = written(folder, GOOD + "a,p,s,a.png,,,,,\n")
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    assert read_manifest(path).root == data_root(path, "set") == tmp_path / "data" / "set"
    monkeypatch.setenv("WORKBENCH_DATA", "/shelf")
    assert read_manifest(path).root == Path("/shelf/set")
    assert read_manifest(path, tmp_path).root == tmp_path


# ----- strictness


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,p,s", "3 values for 9 columns"),
        ("a,p,s,a.png,,,,,,,", "11 values for 9 columns"),
        ("", "0 values for 9 columns"),
        (",p,s,a.png,,,,,", "case_id is empty"),
        ("a,,s,a.png,,,,,", "patient_id is empty"),
        ("a,p,,a.png,,,,,", "study_id is empty"),
        ("a,p,s,,,,,,", "image is empty"),
        ("first,p,s,a.png,,,,,", "case_id 'first' occurs twice"),
        ("a,p,s,a.png,broken,,,,", "label 'broken' is not one of normal, abnormal"),
        ("a,p,s,a.png,Normal,,,,", "label 'Normal' is not one of"),
        ("a,p,s,/etc/passwd,,,,,", "is not a path inside the data set"),
        ("a,p,s,../a.png,,,,,", "is not a path inside the data set"),
        ("a,p,s,b/../../a.png,,,,,", "is not a path inside the data set"),
        ("a,p,s,C:/a.png,,,,,", "is not a path inside the data set"),
        ("a,p,s,\\\\host\\a.png,,,,,", "is not a path inside the data set"),
        ("a,p,s,file:///a.png,,,,,", "is not a path inside the data set"),
        ("a,p,s,a\0.png,,,,,", "is not a path inside the data set"),
        ("a,p,s,a.png,,-1,,,", "width '-1' is out of range"),
        ("a,p,s,a.png,,4.5,,,", "width '4.5' is not a number"),
        ("a,p,s,a.png,,,nan,,", "height 'nan' is not a number"),
        ("a,p,s,a.png,,,,nan,", "spacing_mm 'nan' is out of range"),
        ("a,p,s,a.png,,,,-0.1,", "spacing_mm '-0.1' is out of range"),
        ("a,p,s,a.png,,,,inf,", "spacing_mm 'inf' is out of range"),
        ("a,p,s,a.png,,,,wide,", "spacing_mm 'wide' is not a number"),
        ("a,p,s,a.png,,9999999999,,,", "width '9999999999' is out of range"),
        ('a,p,s,"a.png"x,,,,,', "not CSV ("),
    ],
)
def test_a_bad_row_is_skipped_with_file_line_and_reason_and_the_rest_goes_on(tmp_path, row, reason):
    path = written(tmp_path, f"{GOOD}first,p,s,1.png,,,,,\n{row}\nlast,p,s,2.png,,,,,\n")
    manifest = read_manifest(path)
    assert [case.case_id for case in manifest] == ["first", "last"]
    assert [each.what for each in manifest.skipped] == [f"{path}:3"]
    assert reason in manifest.skipped[0].reason
    assert "\n" not in str(manifest.skipped[0])


def test_a_row_after_a_broken_line_names_its_own_line(tmp_path):
    path = written(tmp_path, f'{GOOD}a,p,s,1.png,,,,,"two\nlines"\nb,p,s\n"c,p,s\nd,p,s,1.png,,,,,\n')
    assert [each.what for each in read_manifest(path).skipped] == [f"{path}:4", f"{path}:5"]


def test_spreadsheets_mark_and_line_ends_are_read(tmp_path):
    path = written(tmp_path, "\ufeff" + f"{GOOD}a,p,s,1.png,normal,,,,x;;y\n".replace("\n", "\r\n"))
    (case,) = read_manifest(path)
    assert (case.case_id, case.label, case.tags) == ("a", "normal", ("x", "y"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: column 'case_id' is missing"),
        ("case_id,patient_id,study_id\n", ":1: column 'image' is missing"),
        ("case_id;patient_id;study_id;image\n", ":1: unknown column"),
        (GOOD.replace("label", "colour"), ":1: unknown column 'colour'; known: case_id, "),
        (GOOD.replace("tags", "label"), ":1: a column occurs twice"),
        ('"case_id,patient_id\n', ":1: not CSV ("),
        (GOOD, ": no usable row (0 skipped)"),
        (GOOD + "a,p\n", ": no usable row (1 skipped; first: "),
        (GOOD.encode() + b"\xff\xfe,p,s,a.png,,,,,\n", ": not readable as CSV ('utf-8' codec"),
    ],
)
def test_a_csv_that_is_wrong_as_a_whole_is_refused_in_one_line(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}{words}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "the header is missing; it names name, class_names, positive"),
        ("name = ", "not readable as TOML"),
        (b"\xff\xfe", "not readable as TOML"),
        ("a = " + "[" * 5000, "not readable as TOML"),
        (HEADER.replace("name =", "title =", 1), "name is missing"),
        ('name = "set"\nclass_names = ["a"]\n', "positive is missing"),
        (HEADER + 'licnce = "CC0"\n', "unknown key 'licnce'; known: name, class_names, positive"),
        (HEADER.replace('["abnormal"]', '"abnormal"'), "positive is 'abnormal'; wanted a list of texts"),
        (HEADER.replace('["normal", "abnormal"]', '"ab"'), "class_names is 'ab'; wanted a list of texts"),
        (HEADER.replace('["normal", "abnormal"]', "[1, 2]"), "class_names is [1, 2]; wanted a list of texts"),
        (HEADER.replace('["abnormal"]', "[]"), "positive is []; wanted a list of texts"),
        (HEADER.replace('["abnormal"]', '["broken"]'), "positive class 'broken' is not one of normal, abnormal"),
        (HEADER.replace('"set"', "7"), "name is 7; wanted a text"),
        (HEADER.replace('"set"', '"../../home"'), "name '../../home' is not the name of a folder"),
        (HEADER.replace('"set"', '".."'), "name '..' is not the name of a folder"),
        (HEADER.replace('"set"', '""'), "name '' is not the name of a folder"),
        (HEADER + 'options = "none"\n', "options is 'none'; wanted a table"),
    ],
)
def test_a_wrong_header_is_refused_in_one_line(tmp_path, header, words):
    path = written(tmp_path, GOOD + "a,p,s,a.png,,,,,\n", header)
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_set_that_is_not_drawn_yet_is_refused_with_the_command_that_draws_it(tmp_path):
    (tmp_path / "data_manifests").mkdir()
    path = written(tmp_path / "data_manifests", "", HEADER + "\n[counts]\nfilms = {train = 3}\n")
    path.unlink()
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    films = tmp_path / "data" / "set"
    assert str(caught.value) == (
        f"{path}: not drawn yet; draw it with `workbench phantom {films} --set set --to {path}`"
    )
    path.write_text(GOOD + "a,p,s,a.png,,,,,\n")
    assert read_manifest(path).counts == {"films": {"train": 3}}


def test_a_missing_csv_is_refused(tmp_path):
    written(tmp_path, "").unlink()
    with pytest.raises(ManifestError, match=r"set\.csv: not readable as CSV"):
        read_manifest(tmp_path / "set.csv")


def coco_of(**change: object) -> dict:
    entry = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]} | change
    return {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "other.png"}],
        "categories": [{"id": 1, "name": "flag"}],
        "annotations": [entry],
    }


def test_annotations_of_strangers_are_skipped(tmp_path):
    path = written(tmp_path, GOOD + "a,p,s,a.png,,,,,\n", coco=coco_of(image_id=2))
    manifest = read_manifest(path)
    assert [str(each) for each in manifest.skipped] == [
        f"{tmp_path / 'set.coco.json'}: annotated image 'other.png' is not in the manifest"
    ]
    assert manifest[0].annotations == ()


@pytest.mark.parametrize(
    "coco",
    [
        [],
        7,
        {},
        {"images": [], "annotations": [7], "categories": []},
        coco_of(bbox=[0, 0, 0, 0]),
        coco_of(bbox=[0, 0, 1e999, 1]),
        coco_of(bbox=[0, float("nan"), 1, 1]),
        coco_of(category_id=[]),
        coco_of(category_id=9),
        coco_of(source="guessed"),
    ],
)
def test_wrong_annotations_are_refused_in_one_line_that_names_their_file(tmp_path, coco):
    path = written(tmp_path, GOOD + "a,p,s,a.png,,,,,\n", coco=coco)
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{tmp_path / 'set.coco.json'}: ")
    assert "\n" not in str(caught.value)
