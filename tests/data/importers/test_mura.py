"""MURA in its exact layout: a small made tree with every kind of dirt. No film or row of MURA itself is here."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.core.errors import ManifestError
from workbench.core.manifest import read_manifest, write_manifest
from workbench.data.importers.duplicates import copies
from workbench.data.importers.mura import import_mura
from workbench.data.importers.mura_published import PUBLISHED_STUDIES, published_differences
from workbench.data.phantoms.options import PhantomOptions
from workbench.data.phantoms.phantom import draw_phantom
from workbench.imaging.pixels import write_png

FILMS = (
    "train/XR_ELBOW/patient00002/study1_negative/image1.png",
    "train/XR_ELBOW/patient00002/study2_positive/image1.png",
    "train/XR_HAND/patient00001/study1_negative/image1.png",
    "train/XR_WRIST/patient00001/study1_positive/image1.png",
    "train/XR_WRIST/patient00001/study1_positive/image2.png",
    "valid/XR_FINGER/patient11185/study1_negative/image1.png",
    "valid/XR_SHOULDER/patient11186/study1_positive/image1.png",
)


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """Return the grey levels (0..1) of one phantom."""
    return draw_phantom(PhantomOptions(height=96, width=80, body_part="wrist"), seed=3).pixels


class Tree:
    """A small MURA-v1.1 that tests spoil; each film is the phantom with another mark in a corner."""

    def __init__(self, folder: Path, film: np.ndarray) -> None:
        self.folder, self.film = folder, film
        self.base = folder / "MURA-v1.1"
        for image in FILMS:
            self.draw(image)
        self.tables()

    def draw(self, image: str) -> Path:
        marked = self.film.copy()
        marked[:2, :20] = np.random.default_rng(list(image.encode())).random((2, 20))
        write_png(self.base / image, marked)
        return self.base / image

    def tables(self, films=FILMS, *, labels: dict[str, str] | None = None) -> None:
        """Write the four files as Stanford does: no column names, trailing slashes."""
        for split in ("train", "valid"):
            images = [f"MURA-v1.1/{image}" for image in films if image.startswith(split)]
            said = {f"{Path(image).parent.as_posix()}/": str(int("positive" in image)) for image in images}
            said |= {study: label for study, label in (labels or {}).items() if f"/{split}/" in study}
            self.table(f"{split}_image_paths.csv", images)
            self.table(f"{split}_labeled_studies.csv", [f"{study},{label}" for study, label in said.items()])

    def table(self, name: str, lines: list[str]) -> None:
        (self.base / name).write_text("\n".join(lines) + "\n")

    def without_tables(self) -> None:
        for path in self.base.glob("*.csv"):
            path.unlink()

    def cases(self) -> dict:
        return {case.case_id: case for case in import_mura(self.base)}

    def skipped(self) -> dict[str, str]:
        manifest = import_mura(self.base)
        return {each.what.removeprefix(f"{self.base}/"): each.reason for each in manifest.skipped}


@pytest.fixture
def tree(tmp_path, film):
    return Tree(tmp_path, film)


# what is read


@pytest.mark.parametrize("with_tables", [True, False])
def test_every_film_knows_its_part_patient_study_label_and_split(tree, with_tables):
    if not with_tables:
        tree.without_tables()
    manifest = import_mura(tree.base)
    assert manifest.skipped == ()
    assert [(c.case_id, c.patient_id, c.study_id, c.body_part, c.label, c.split) for c in manifest] == [
        (f"{study}-{image}", study.partition("-")[0], study, part, label, split)
        for study, image, part, label, split in (
            ("patient00002-elbow-study1", "image1", "elbow", "normal", "train"),
            ("patient00002-elbow-study2", "image1", "elbow", "abnormal", "train"),
            ("patient00001-hand-study1", "image1", "hand", "normal", "train"),
            ("patient00001-wrist-study1", "image1", "wrist", "abnormal", "train"),
            ("patient00001-wrist-study1", "image2", "wrist", "abnormal", "train"),
            ("patient11185-finger-study1", "image1", "finger", "normal", "valid"),
            ("patient11186-shoulder-study1", "image1", "shoulder", "abnormal", "valid"),
        )
    ]
    assert Counter(case.label for case in manifest) == {"abnormal": 4, "normal": 3}
    assert len(manifest.studies()) == 6
    assert all((case.width, case.height, case.tags) == (80, 96, ()) for case in manifest)
    assert (manifest.name, manifest.class_names, manifest.positive) == ("mura", ("normal", "abnormal"), ("abnormal",))
    assert ("folders speak instead" in manifest.note) is not with_tables
    assert "not to be redistributed" in manifest.licence


def test_folder_and_tables_give_the_same_cases(tree):
    with_tables = import_mura(tree.base)
    tree.without_tables()
    assert import_mura(tree.base).digest == with_tables.digest


def test_the_folder_or_its_parent_may_be_given(tree):
    whole, inside = import_mura(tree.folder), import_mura(str(tree.base))
    assert whole.root == inside.root == tree.base
    assert whole.digest == inside.digest
    assert all(whole.path(case).is_file() for case in whole)


def test_the_manifest_survives_writing_and_reading(tree, tmp_path):
    manifest = import_mura(tree.base)
    write_manifest(manifest, tmp_path / "sets" / "mura.csv")
    assert read_manifest(tmp_path / "sets" / "mura.csv", tree.base).cases == manifest.cases


def test_grey_colour_and_16_bit_films_with_either_polarity(tree):
    grey = np.rint(tree.film * 255).astype(np.uint8)
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(tree.base / FILMS[0])
    Image.fromarray(grey.astype(np.uint16) * 257).save(tree.base / FILMS[1])
    Image.fromarray(255 - grey).save(tree.base / FILMS[2])
    Image.fromarray(65535 - grey.astype(np.uint16) * 257).save(tree.base / FILMS[3])
    manifest = import_mura(tree.base)
    by_image = {case.image: case.tags for case in manifest}
    assert [by_image[image] for image in FILMS[:4]] == [
        (),
        ("duplicate-of:patient00002-elbow-study1-image1",),  # the same grey levels, in another depth
        ("reversed-grey",),
        ("reversed-grey", "duplicate-of:patient00001-hand-study1-image1"),
    ]
    assert [original for _, original in copies(manifest)] == [manifest[0].case_id, manifest[2].case_id]
    assert "2 tagged reversed-grey" in manifest.note


def test_progress_counts_the_films(tree):
    told = []
    import_mura(tree.base, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, len(FILMS)) for done in range(1, len(FILMS) + 1)]


# what systems leave


def test_what_systems_leave_is_ignored_and_counted(tree):
    for name in (".DS_Store", f"{Path(FILMS[0]).parent}/._image1.png", "train/XR_WRIST/.DS_Store"):
        (tree.base / name).write_bytes(b"\0\5\x16\7")
    tree.tables([*FILMS, f"{Path(FILMS[0]).parent}/image3.png"])
    manifest = import_mura(tree.base)
    assert len(manifest) == len(FILMS)
    assert [each.reason for each in manifest.skipped] == [f"missing from {tree.base}"]
    assert "3 files left by systems (._*, .DS_Store) ignored" in manifest.note


# what disagrees


def test_the_table_speaks_for_the_whole_study(tree):
    study = "MURA-v1.1/train/XR_WRIST/patient00001/study1_positive/"
    tree.tables(labels={study: "0"})
    manifest = import_mura(tree.base)
    for case in manifest.cases[3:5]:
        assert (case.label, case.tags) == ("normal", ("label-conflict", "disagrees:folder"))
    assert all(case.tags == () for case in manifest.cases[:3])
    assert "1 studies tagged label-conflict: table and folder disagree, the table decides" in manifest.note


def test_without_a_table_the_films_of_a_study_still_agree(tree):
    tree.without_tables()
    tree.draw("train/XR_ELBOW/patient00002/study1_positive/image2.png")
    study = [case for case in import_mura(tree.base) if case.study_id == "patient00002-elbow-study1"]
    assert [(case.label, case.tags) for case in study] == [
        ("normal", ()),
        ("normal", ("label-conflict", "disagrees:folder")),
    ]


def test_patients_on_both_sides_are_counted(tree):
    tree.without_tables()
    assert "both splits" not in import_mura(tree.base).note
    tree.draw("valid/XR_WRIST/patient00002/study3_negative/image1.png")
    assert "1 patients in both splits" in import_mura(tree.base).note


# what is skipped


def test_missing_and_unnamed_films_are_listed(tree):
    (tree.base / FILMS[3]).unlink()
    tree.draw("train/XR_ELBOW/patient00003/study1_negative/image1.png")
    (tree.base / "readme.txt").write_text("x")
    assert tree.skipped() == {
        f"train_image_paths.csv:4: {FILMS[3]}": f"missing from {tree.base}",
        "train/XR_ELBOW/patient00003/study1_negative/image1.png": "train_image_paths.csv does not name it",
        "readme.txt": "in neither of train, valid",
    }


def test_a_folder_out_of_place_is_listed(tree):
    tree.without_tables()
    for image in ("train/XR_WRIST/image1.png", "train/wrist/patient1/study1_positive/a.png", "valid/thing.png"):
        tree.draw(image)
    skipped = tree.skipped()
    assert list(skipped) == [
        "train/XR_WRIST/image1.png",
        "train/wrist/patient1/study1_positive/a.png",
        "valid/thing.png",
    ]
    assert all(reason.startswith("its path is not one such as MURA-v1.1/train/") for reason in skipped.values())


def test_bad_lines_are_listed_and_the_rest_kept(tree):
    lines = (tree.base / "train_image_paths.csv").read_text().splitlines()
    tree.table("train_image_paths.csv", [*lines, "../secret.png", f"MURA-v1.1/{FILMS[5]}", lines[0], "a,b"])
    lines = (tree.base / "valid_labeled_studies.csv").read_text().splitlines()
    wrist = "MURA-v1.1/valid/XR_WRIST/patient11200/study1_negative/,0"
    tree.table("valid_labeled_studies.csv", [*lines, lines[0].replace(",0", ",yes").replace("1185", "1187"), wrist])
    assert len(tree.cases()) == len(FILMS)
    skipped = tree.skipped()
    assert len(skipped) == 6
    assert skipped["train_image_paths.csv:6"].startswith("'../secret.png' is not a film of train such as")
    assert skipped["train_image_paths.csv:7"].startswith(f"'MURA-v1.1/{FILMS[5]}' is not a film of train")
    assert "occurs twice" in skipped["train_image_paths.csv:8"]
    assert skipped["train_image_paths.csv:9"] == "2 values for 1 columns"
    assert "study1_negative/,yes is not a line such as" in skipped["valid_labeled_studies.csv:3"]
    assert skipped["valid_labeled_studies.csv:4"].startswith("no film of MURA-v1.1/valid/XR_WRIST/patient11200")


def test_a_second_line_of_a_study_is_listed(tree):
    other = "MURA-v1.1/train/XR_WRIST/patient00001/study1_negative/"
    tree.tables(labels={other: "0"})
    (skipped,) = import_mura(tree.base).skipped
    assert skipped.reason == "an earlier line gives patient00001-wrist-study1 the other label"
    assert tree.cases()["patient00001-wrist-study1-image1"].label == "abnormal"


def test_a_study_without_a_line_has_the_label_of_its_folder(tree):
    lines = (tree.base / "train_labeled_studies.csv").read_text().splitlines()
    tree.table("train_labeled_studies.csv", lines[1:])
    manifest = import_mura(tree.base)
    assert (manifest[0].label, manifest.skipped) == ("normal", ())
    assert "1 studies labelled by their folder alone" in manifest.note


def test_unreadable_films_are_skipped(tree):
    (tree.base / FILMS[0]).write_bytes(b"")
    whole = (tree.base / FILMS[1]).read_bytes()
    (tree.base / FILMS[1]).write_bytes(whole[: len(whole) // 2])
    skipped = tree.skipped()
    assert skipped[FILMS[0]] == "the file is empty"
    assert skipped[FILMS[1]].startswith("truncated or damaged")
    assert len(tree.cases()) == len(FILMS) - 2


# what is refused


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"not MURA; wanted the folder MURA-v1\.1 that holds train and valid"):
        import_mura(tmp_path)


def test_no_film_at_all_is_refused(tree):
    for image in FILMS:
        (tree.base / image).unlink()
    with pytest.raises(ManifestError, match=r"no film of MURA can be read; first skipped: .*image1\.png: missing from"):
        import_mura(tree.base)


# what was published


def test_the_published_numbers_add_up_to_their_printed_totals():
    columns = [sum(row[index] for row in PUBLISHED_STUDIES.values()) for index in range(4)]
    assert columns == [8280, 5177, 661, 538]
    totals = {part: sum(row) for part, row in PUBLISHED_STUDIES.items()}
    assert totals == {
        "elbow": 1912,
        "finger": 2110,
        "hand": 2185,
        "humerus": 727,
        "forearm": 1010,
        "shoulder": 3015,
        "wrist": 3697,
    }


def test_counts_stand_beside_the_published_ones(tree):
    rows = {
        (row.counted, row.body_part, row.split, row.label): row for row in published_differences(import_mura(tree.base))
    }
    assert len(rows) == 7 * 4 + 2
    elbow = rows["studies", "elbow", "train", "normal"]
    assert (elbow.published, elbow.found, elbow.difference) == (1094, 1, -1093)
    assert rows["studies", "wrist", "train", "abnormal"].found == 1  # two films, one study
    assert rows["studies", "humerus", "valid", "normal"].found == 0
    images = [rows["images", "", split, ""] for split in ("train", "valid")]
    assert [(row.published, row.found) for row in images] == [(36808, 5), (3197, 2)]
