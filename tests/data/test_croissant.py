"""Any manifest as Croissant 1.1, judged and read by MLCommons' own library, without a network."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.core.annotation import Annotation, annotation_from_mask
from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.files import sha256_of
from workbench.core.manifest import Manifest, write_manifest
from workbench.data.croissant import croissant_document, licence_url, write_croissant
from workbench.imaging.pixels import write_png

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Four films in folders of two depths, two of them annotated, beside a folder of manifests."""
    root = tmp_path / "data" / "set"
    mask = np.zeros((12, 10), dtype=bool)
    mask[2:5, 3:9] = True
    marks = (Annotation("fracture", (1, 2, 4, 6)), annotation_from_mask("flag", mask))
    cases = []
    for index, (image, split) in enumerate(
        {"train/p1/a.png": "train", "train/p2/b.png": "train", "test/c.png": "test", "test/d.png": "test"}.items()
    ):
        write_png(root / image, np.full((12, 10), index / 4, dtype=np.float32))
        label = ("normal", "abnormal", "normal", None)[index]
        known = {"sha256": sha256_of(root / image), "width": 10, "height": 12, "label": label, "split": split}
        more = {"tags": ("x", "y"), "twins": ("case-1",), "annotations": marks} if index in (0, 2) else {}
        cases.append(Case(f"case-{index}", f"patient-{index}", f"study-{index}", image, **known, **more))
    source = "Somebody et al., A Set of Films, Journal 10 (2023), doi:10.1000/set-1"
    made = Manifest("set", ("normal", "abnormal"), ("abnormal",), root, tuple(cases), source, "CC BY 4.0", "a note")
    write_manifest(made, tmp_path / "manifests" / "set.csv")
    return made


@pytest.fixture
def dataset(manifest, tmp_path, caplog):
    mlcroissant = pytest.importorskip("mlcroissant")
    write_croissant(manifest, tmp_path / "set.croissant.json", tmp_path / "manifests" / "set.csv")
    read = mlcroissant.Dataset(tmp_path / "set.croissant.json")
    assert read.metadata.issues.report() == ""  # neither errors nor warnings
    assert caplog.text == ""
    return read


def text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def records(dataset, name: str) -> list[dict[str, object]]:
    cut = len(name) + 1
    return [{key[cut:]: text(value) for key, value in each.items()} for each in dataset.records(name)]


def test_the_whole_is_valid_and_says_what_the_manifest_says(dataset, manifest):
    metadata = dataset.metadata
    assert metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    assert metadata.name in ("set", {"en": "set"})
    assert metadata.license == ["https://spdx.org/licenses/CC-BY-4.0"]
    assert metadata.cite_as == manifest.source
    assert metadata.url == "https://doi.org/10.1000/set-1"
    assert metadata.date_published.year == 2023
    assert "a note" in metadata.data_limitations
    assert {each.uuid for each in metadata.record_sets} == {
        *("classes", "splits", "cases", "films", "annotations", "images", "categories")
    }


def test_every_row_is_read_with_its_types(dataset, manifest):
    rows = records(dataset, "cases")
    assert [row["case_id"] for row in rows] == [case.case_id for case in manifest]
    assert rows[0]["width"] == 10
    assert rows[0]["sha256"] == manifest[0].sha256
    assert [row["label"] for row in rows] == ["normal", "abnormal", "normal", None]
    assert [row["split"] for row in rows] == ["train", "train", "test", "test"]
    assert [text(each) for each in rows[0]["tags"]] == ["x", "y"]
    assert rows[1]["tags"] is None
    assert "view" not in rows[0]  # an empty column is left out


def test_classes_and_splits_are_enumerations(dataset):
    assert records(dataset, "classes") == [
        {"name": "normal", "abnormal": False, "index": 0},
        {"name": "abnormal", "abnormal": True, "index": 1},
    ]
    assert [row["name"] for row in records(dataset, "splits")] == ["test", "train"]


def test_every_film_is_read_with_its_label(dataset, manifest, caplog):
    films = {row["image"]: row for row in records(dataset, "films")}
    assert caplog.text == ""
    assert set(films) == {case.image for case in manifest}
    for index, case in enumerate(manifest):
        assert films[case.image]["case_id"] == case.case_id
        assert films[case.image]["label"] == case.label
        assert films[case.image]["picture"].size == (10, 12)
        assert np.asarray(films[case.image]["picture"]).max() == round(index / 4 * 255)


def test_boxes_are_read_with_their_film_and_category(dataset):
    images = {row["id"]: row["file_name"] for row in records(dataset, "images")}
    categories = {row["id"]: row["name"] for row in records(dataset, "categories")}
    found = [
        (images[row["image_id"]], categories[row["category_id"]], row["bbox"], row["source"])
        for row in records(dataset, "annotations")
    ]
    assert found == [
        (image, *mark)
        for image in ("train/p1/a.png", "test/c.png")
        for mark in (("fracture", [1, 2, 3, 4], "given"), ("flag", [3, 2, 6, 3], "given"))
    ]


def test_a_changed_table_is_refused_by_its_sha256(dataset, tmp_path):
    (tmp_path / "manifests" / "set.csv").write_text("case_id\n")
    with pytest.raises(Exception, match=r"Download\(manifest.csv\)") as refused:
        records(dataset, "cases")
    assert "is not identical with the reference" in str(refused.value.__cause__)


def test_no_row_and_no_path_of_this_machine_stands_in_it(manifest, tmp_path):
    written = json.dumps(croissant_document(manifest, tmp_path / "manifests" / "set.csv"))
    for private in (str(tmp_path), "patient-1", "case-1", "a.png"):
        assert private not in written


def test_films_elsewhere_are_named_from_their_own_folder(manifest, tmp_path):
    document = croissant_document(manifest, tmp_path / "manifests" / "set.csv")
    (films,) = [each for each in document["distribution"] if each["@type"] == "cr:FileSet"]
    assert films["includes"] == ["test/*.png", "train/**/*.png"]
    assert films["encodingFormat"] == ["image/png"]
    near = croissant_document(manifest, tmp_path / "manifests" / "set.csv", folder=tmp_path)
    (films,) = [each for each in near["distribution"] if each["@type"] == "cr:FileSet"]
    assert films["includes"] == ["data/set/test/*.png", "data/set/train/**/*.png"]


def test_a_bare_manifest_is_valid_too(manifest, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant")
    cases = [Case(case.case_id, case.patient_id, case.study_id, case.image) for case in manifest]
    bare = replace(manifest, cases=tuple(cases), source="", licence="", note="")
    write_manifest(bare, tmp_path / "bare.csv")
    write_croissant(bare, tmp_path / "bare.json", tmp_path / "bare.csv", published="2024-02-29")
    read = mlcroissant.Dataset(tmp_path / "bare.json")
    assert not read.metadata.issues.errors
    assert read.metadata.date_published.isoformat() == "2024-02-29T00:00:00"
    assert [row["case_id"] for row in records(read, "cases")] == [case.case_id for case in bare]
    assert {each.uuid for each in read.metadata.record_sets} == {"classes", "cases", "films"}


def test_the_library_would_notice_a_fault(manifest, tmp_path):
    """The control of the tests above: a field without its source file is refused."""
    mlcroissant = pytest.importorskip("mlcroissant")
    document = croissant_document(manifest, tmp_path / "manifests" / "set.csv", folder=tmp_path)
    document["distribution"] = document["distribution"][1:]
    (tmp_path / "broken.json").write_text(json.dumps(document))
    with pytest.raises(Exception, match=r"manifest\.csv"):
        mlcroissant.Dataset(tmp_path / "broken.json")


@pytest.mark.parametrize("published", ["2023", "yesterday", "2023-02-30"])
def test_what_is_no_day_is_refused(manifest, tmp_path, published):
    with pytest.raises(OptionError, match=f"published '{published}' is not a day"):
        write_croissant(manifest, tmp_path / "x.json", tmp_path / "manifests" / "set.csv", published=published)
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("CC BY 4.0", "https://spdx.org/licenses/CC-BY-4.0"),
        ("cc-by-4.0", "https://spdx.org/licenses/CC-BY-4.0"),
        ("CC0-1.0", "https://spdx.org/licenses/CC0-1.0"),
        ("CC0", "https://spdx.org/licenses/CC0-1.0"),
        ("Stanford University School of Medicine MURA", "Stanford University School of Medicine MURA"),
        ("", ""),
    ],
)
def test_known_licences_have_a_page(name, url):
    assert licence_url(name) == url
