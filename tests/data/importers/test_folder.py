"""Anyone's films: sub-folders as classes, or a table of labels."""

import unicodedata
from collections import Counter

import numpy as np
import pytest

from workbench.core.errors import ManifestError
from workbench.core.manifest import read_manifest, write_manifest
from workbench.data.importers.folder import import_folder
from workbench.imaging.pixels import write_png


def draw(path, seed: int) -> None:
    """Draw noise that is mostly dark, as films are."""
    write_png(path, np.random.default_rng(seed).random((6, 5), dtype=np.float32) ** 4)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "wrists"
    for seed, name in enumerate(("normal/a.png", "normal/deep/er/b.png", "abnormal/a.png", "abnormal/c.png")):
        draw(folder / name, seed)
    return folder


@pytest.fixture
def flat(tmp_path):
    folder = tmp_path / "flat"
    for seed, name in enumerate(("a.png", "b.png", "sub/c.png", "d.png")):
        draw(folder / name, seed)
    return folder


def labels(folder, *lines: str, name: str = "labels.csv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


# sub-folders


def test_sub_folders_are_classes(root):
    manifest = import_folder(root)
    assert (manifest.name, manifest.class_names, manifest.positive) == ("wrists", ("normal", "abnormal"), ("abnormal",))
    assert manifest.skipped == ()
    assert {case.case_id: (case.image, case.label) for case in manifest} == {
        "abnormal--a.png": ("abnormal/a.png", "abnormal"),
        "abnormal--c.png": ("abnormal/c.png", "abnormal"),
        "normal--a.png": ("normal/a.png", "normal"),
        "normal--deep--er--b.png": ("normal/deep/er/b.png", "normal"),
    }
    assert all(case.patient_id == case.study_id == case.case_id for case in manifest)
    assert all((case.width, case.height) == (5, 6) for case in manifest)
    assert manifest.note == "abnormal: abnormal, by name; no patients known: each film counts as its own"


def test_the_manifest_survives_writing_and_reading(root, tmp_path):
    manifest = import_folder(root)
    write_manifest(manifest, tmp_path / "wrists.csv")
    assert read_manifest(tmp_path / "wrists.csv", root).cases == manifest.cases


def test_what_is_no_film_is_skipped(root):
    (root / "normal" / "notes.txt").write_text("x")
    (root / "normal" / "empty.png").touch()
    (root / "stray.png").write_bytes((root / "normal/a.png").read_bytes())
    for hidden in (".DS_Store", "normal/._a.png", "normal/.DS_Store"):
        (root / hidden).write_bytes(b"x")
    manifest = import_folder(root)
    assert len(manifest) == 4
    assert {each.what.removeprefix(f"{root}/"): each.reason for each in manifest.skipped} == {
        "stray.png": "in no class's sub-folder",
        "normal/empty.png": "the file is empty",
        "normal/notes.txt": "neither PNG, JPEG nor DICOM by its content, or its head is damaged",
    }


def test_a_sub_folder_without_films_is_no_class(root):
    (root / "documents").mkdir()
    (root / "documents" / "licence.txt").write_text("x")
    assert import_folder(root).class_names == ("normal", "abnormal")


def test_copies_are_tagged_and_share_a_split(root):
    for number in range(30):
        draw(root / "normal" / f"{number}.png", 100 + number)
    (root / "normal" / "z.png").write_bytes((root / "abnormal" / "a.png").read_bytes())
    cases = {case.case_id: case for case in import_folder(root)}
    assert cases["normal--z.png"].tags == ("duplicate-of:abnormal--a.png",)
    assert cases["normal--z.png"].split == cases["abnormal--a.png"].split


def test_splits_are_deterministic_and_near_their_shares(root):
    for number in range(96):
        draw(root / "normal" / f"{number}.png", 100 + number)
    manifest = import_folder(root)
    assert Counter(case.split for case in manifest) == {"train": 50, "valid": 20, "test": 30}
    assert import_folder(root).digest == manifest.digest


# which class is abnormal


@pytest.mark.parametrize(
    ("names", "positive", "class_names", "abnormal", "words"),
    [
        (("abnormal", "normal"), None, ("normal", "abnormal"), ("abnormal",), "by name"),
        (("Fractured", "whole"), None, ("whole", "Fractured"), ("Fractured",), "by name"),
        (("negative", "positive"), None, ("negative", "positive"), ("positive",), "by name"),
        (("cat", "dog"), None, ("cat", "dog"), ("dog",), "being the last by name"),
        (("cat", "dog"), "cat", ("dog", "cat"), ("cat",), "as was asked"),
        (("a", "b", "c"), ("b", "a"), ("c", "b", "a"), ("b", "a"), "as was asked"),
    ],
)
def test_abnormal_classes_come_last(tmp_path, names, positive, class_names, abnormal, words):
    for seed, name in enumerate(names):
        draw(tmp_path / name / "film.png", seed)
    manifest = import_folder(tmp_path, positive=positive, name="pets")
    assert (manifest.class_names, manifest.positive) == (class_names, abnormal)
    assert words in manifest.note
    assert manifest.name == "pets"


@pytest.mark.parametrize(
    ("positive", "words"),
    [
        ("abnorml", "positive class 'abnorml' does not occur; there are abnormal, normal"),
        (("normal", "abnormal"), "2 of 2 classes are positive; name some, not all, of them"),
        ((), "0 of 2 classes are positive"),
    ],
)
def test_bad_positive_classes_are_refused(root, positive, words):
    with pytest.raises(ManifestError, match=words):
        import_folder(root, positive=positive)


@pytest.mark.parametrize("name", ["only", None])
def test_fewer_than_two_classes_are_refused(tmp_path, name):
    if name:
        draw(tmp_path / name / "film.png", 0)
    found = "only 'only'" if name else "none"
    with pytest.raises(ManifestError, match=f"films of two or more classes are wanted, found {found}"):
        import_folder(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="absent: no such folder"):
        import_folder(tmp_path / "absent")


# a table of labels


def test_a_table_says_it_all(flat):
    table = labels(
        flat,
        "image,label,patient_id,study_id,split,body_part,view,laterality",
        "d.png,normal,p1,s1,train,hand,frontal,L",
        "a.png,fractured,p1,s2,test,wrist,,",
        "sub/c.png,,,,,,,",
        "b.png,normal,p2,,,,,",
    )
    manifest = import_folder(flat, labels=table)
    first, second, third, fourth = manifest
    assert manifest.skipped == ()
    assert manifest.class_names == ("normal", "fractured")
    assert (first.case_id, first.patient_id, first.study_id, first.split) == ("d.png", "p1", "s1", "train")
    assert (first.body_part, first.view, first.laterality) == ("hand", "frontal", "L")
    assert (second.label, second.split, second.body_part) == ("fractured", "test", "wrist")
    assert (third.image, third.label, third.patient_id) == ("sub/c.png", None, "sub--c.png")
    assert (fourth.study_id, fourth.split) == ("b.png", "")
    assert "no patients known" not in manifest.note


def test_whole_patients_are_split_where_the_table_does_not(flat):
    lines = []
    for number in range(40):
        draw(flat / f"{number}.png", number)
        lines.append(f"{number}.png,{'abnormal' if number % 2 else 'normal'},patient-{number // 4}")
    manifest = import_folder(flat, labels=labels(flat, "image,label,patient_id", *lines))
    splits = {(case.patient_id, case.split) for case in manifest}
    assert len(splits) == 10
    assert {split for _, split in splits} == {"train", "valid", "test"}


def test_table_and_folder_are_held_against_each_other(flat):
    (flat / "d.png").write_bytes(b"")
    table = labels(
        flat,
        "image,label",
        "a.png,normal",
        "b.png,abnormal",
        "x.png,normal",
        "../flat/a.png,normal",
        "b.png,normal",
        "d.png,n",
    )
    manifest = import_folder(flat, labels=table)
    assert [case.case_id for case in manifest] == ["a.png", "b.png"]
    assert {each.what.removeprefix(f"{flat}/"): each.reason for each in manifest.skipped} == {
        "labels.csv:4: x.png": f"missing from {flat}",
        "labels.csv:5: ../flat/a.png": f"missing from {flat}",
        "labels.csv:6": "image 'b.png' occurs twice",
        "sub/c.png": "labels.csv has no usable line for it",
        "d.png": "the file is empty",
    }


def test_an_unknown_column_is_refused(flat):
    table = labels(flat, "image,label,colour", "a.png,x,y")
    with pytest.raises(ManifestError, match=r"labels\.csv:1: unknown column 'colour'; known: image, label, patient_id"):
        import_folder(flat, labels=table)


def test_a_missing_table_is_refused(flat):
    with pytest.raises(ManifestError, match=r"absent\.csv: no such file"):
        import_folder(flat, labels=flat / "absent.csv")


def test_paths_of_any_system_find_their_films(flat):
    draw(flat / "sub" / "Fuß.PNG", 9)
    (flat / "sub" / "Fuß.PNG").rename(flat / "sub" / unicodedata.normalize("NFD", "Ödem.PNG"))
    table = labels(flat, "image;label", f"{flat / 'a.png'};x", "./b.png;y", r"sub\c.png;x", "sub/Ödem.PNG;y", "d.png;y")
    manifest = import_folder(flat, labels=table)
    assert manifest.skipped == ()
    assert [unicodedata.normalize("NFC", case.image) for case in manifest] == [
        "a.png",
        "b.png",
        "sub/c.png",
        "sub/Ödem.PNG",
        "d.png",
    ]
    assert all(manifest.path(case).is_file() for case in manifest)


def test_two_lines_that_mean_one_film(flat):
    manifest = import_folder(flat, labels=labels(flat, "image,label", "a.png,x", "./a.png,y", "b.png,y"))
    assert "image './a.png' occurs twice" in [each.reason for each in manifest.skipped]
    assert [case.label for case in manifest] == ["x", "y"]


# folders called like splits


def test_folders_called_like_splits_are_splits(root, tmp_path):
    for name in ("train", "Validation", "test"):
        for label in ("normal", "abnormal"):
            draw(tmp_path / "sets" / name / label / "deep" / "1.png", len(name) + len(label))
    draw(tmp_path / "sets" / "train" / "stray.png", 1)
    manifest = import_folder(tmp_path / "sets")
    assert {(case.split, case.label) for case in manifest} == {
        (split, label) for split in ("train", "valid", "test") for label in ("normal", "abnormal")
    }
    assert [(each.what, each.reason) for each in manifest.skipped] == [
        (f"{tmp_path}/sets/train/stray.png", "in no class's sub-folder")
    ]


def test_films_that_would_share_a_name_are_told(root):
    draw(root / "normal" / "x" / "1.png", 7)
    draw(root / "normal" / "x--1.png", 8)
    (skipped,) = import_folder(root).skipped
    assert skipped.reason == "would be called normal--x--1.png as is normal/x--1.png; rename it"


def test_names_of_any_script_are_kept(tmp_path):
    for seed, name in enumerate(("нормальный/рука 1.JPG.png", "異常/手.PNG")):
        draw(tmp_path / name, seed)
    manifest = import_folder(tmp_path, positive="異常")
    write_manifest(manifest, tmp_path / "sets" / "names.csv")
    assert read_manifest(tmp_path / "sets" / "names.csv", tmp_path).cases == manifest.cases
    assert {case.image for case in manifest} == {"нормальный/рука 1.JPG.png", "異常/手.PNG"}


def test_a_folder_without_films_says_what_was_found(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("x")
    with pytest.raises(ManifestError, match=r"found none; 1 files were skipped, first: .*notes\.txt: neither PNG"):
        import_folder(tmp_path)
