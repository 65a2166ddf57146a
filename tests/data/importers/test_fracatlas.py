"""FracAtlas in its own layout: a tiny made tree with every kind of dirt, and the real films."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.core.errors import ManifestError
from workbench.core.files import sha256_of
from workbench.core.manifest import read_manifest, write_manifest
from workbench.data.importers.duplicates import copies
from workbench.data.importers.fracatlas import DRAWN, TABLE, import_fracatlas
from workbench.data.importers.splits import split_cases
from workbench.imaging.pixels import read_radiograph

COLUMNS = "image_id,hand,leg,hip,shoulder,mixed,hardware,multiscan,fractured,fracture_count,frontal,lateral,oblique"
ROWS = {
    30: "1,0,0,0,0,0,0,1,1,1,0,0",
    31: "0,0,0,1,0,1,0,0,0,0,0,1",
    60: "1,1,0,0,1,0,1,1,2,1,1,0",
    61: "0,1,0,0,0,0,0,0,0,0,1,0",
}
WIDTH, HEIGHT = 20, 12
COPIES = ("duplicate-of", "near-duplicate-of")


def name_of(number: int) -> str:
    return f"IMG{number:07d}.jpg"


def fracture(number: int, **changes) -> dict:
    corners = [4.5, 3.25, 10.5, 3.25, 10.5, 8.75, 4.5, 8.75]
    entry = {"id": number, "image_id": number, "category_id": 0, "bbox": [4.5, 3.25, 6.0, 5.5], "area": 33.0}
    return entry | {"iscrowd": 0, "segmentation": [corners]} | changes


class Tree:
    """A tiny FracAtlas that tests spoil."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for number, row in ROWS.items():
            self.draw(number, fractured=row.split(",")[7] == "1")
        self.table({name_of(number): row for number, row in ROWS.items()})
        self.drawn([30, 60], [fracture(30), fracture(60), fracture(60)])

    def path(self, number: int, *, fractured: bool) -> Path:
        return self.root / "images" / ("Fractured" if fractured else "Non_fractured") / name_of(number)

    def draw(self, number: int, *, fractured: bool, **options) -> Path:
        path = self.path(number, fractured=fractured)
        path.parent.mkdir(parents=True, exist_ok=True)
        dark = np.random.default_rng(number).random((HEIGHT, WIDTH)) ** 4  # as films are
        Image.fromarray((255 * dark).astype(np.uint8)).save(path, **options)
        return path

    def table(self, rows: dict[str, str], columns: str = COLUMNS) -> Path:
        (self.root / TABLE).write_text("\n".join([columns, *(f"{name},{row}" for name, row in rows.items())]) + "\n")
        return self.root / TABLE

    def drawn(self, numbers: list[int], entries: list[dict], **size) -> Path:
        size = {"width": WIDTH, "height": HEIGHT} | size
        images = [{"id": number, "file_name": name_of(number), **size} for number in numbers]
        document = {"images": images, "annotations": entries, "categories": [{"id": 0, "name": "fractured"}]}
        (self.root / DRAWN).parent.mkdir(parents=True, exist_ok=True)
        (self.root / DRAWN).write_text(json.dumps(document))
        return self.root / DRAWN

    def skipped(self, **options) -> dict[str, str]:
        skipped = import_fracatlas(self.root, **options).skipped
        return {each.what.removeprefix(f"{self.root}/"): each.reason for each in skipped}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "FracAtlas")


def cases_of(tree: Tree, **options) -> dict:
    return {case.case_id: case for case in import_fracatlas(tree.root, **options)}


# what is read


def test_a_clean_tree_is_read_whole(tree):
    manifest = import_fracatlas(tree.root)
    assert manifest.skipped == ()
    assert (manifest.name, manifest.class_names, manifest.positive) == (
        "fracatlas",
        ("normal", "fractured"),
        ("fractured",),
    )
    assert manifest.licence == "CC BY 4.0"
    assert "stand in for patients" in manifest.note
    assert [case.case_id for case in manifest] == ["IMG0000030", "IMG0000031", "IMG0000060", "IMG0000061"]
    assert [case.label for case in manifest] == ["fractured", "normal", "fractured", "normal"]


def test_every_column_finds_its_place(tree):
    case = cases_of(tree)["IMG0000060"]
    assert case.image == "images/Fractured/IMG0000060.jpg"
    assert (case.patient_id, case.study_id) == ("block-0002", "IMG0000060")
    assert (case.width, case.height) == (WIDTH, HEIGHT)
    assert case.sha256 == sha256_of(tree.path(60, fractured=True))
    assert (case.body_part, case.view) == ("hand+leg", "frontal+lateral")
    assert case.tags == ("mixed", "multiscan")
    assert cases_of(tree)["IMG0000031"].tags == ("hardware",)


def test_fractures_keep_their_outline_and_whole_pixel_boxes(tree):
    case = cases_of(tree)["IMG0000060"]
    assert len(case.annotations) == 2
    annotation = case.annotations[0]
    assert (annotation.category, annotation.source, annotation.box) == ("fracture", "given", (4, 3, 11, 9))
    assert annotation.segmentation == fracture(60)["segmentation"]
    rows, columns = np.nonzero(case.mask("fracture"))
    assert 25 <= rows.size <= 42
    assert (columns.min(), rows.min()) >= (4, 3)
    assert (columns.max(), rows.max()) < (11, 9)


def test_drawings_lie_on_the_upright_film(tree):
    exif = Image.Exif()
    exif[0x0112] = 6
    tree.draw(30, fractured=True, exif=exif)
    tree.drawn([30], [fracture(30)], width=HEIGHT, height=WIDTH)
    case = cases_of(tree)["IMG0000030"]
    assert (case.width, case.height) == (HEIGHT, WIDTH)
    assert case.mask("fracture").shape == (WIDTH, HEIGHT)


def test_boxes_are_cut_to_the_film(tree):
    tree.drawn([30], [fracture(30, bbox=[15.2, -2.0, 8.0, 6.0], segmentation=[])])
    (annotation,) = cases_of(tree)["IMG0000030"].annotations
    assert annotation.box == (15, 0, WIDTH, 4)
    assert annotation.segmentation is None


def test_the_manifest_survives_writing_and_reading(tree, tmp_path):
    manifest = import_fracatlas(tree.root)
    write_manifest(manifest, tmp_path / "fracatlas.csv")
    again = read_manifest(tmp_path / "fracatlas.csv", tree.root)
    assert again.cases == manifest.cases
    assert again.digest == manifest.digest
    assert again.note == manifest.note


def test_progress_counts_the_films(tree):
    told = []
    import_fracatlas(tree.root, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


# what disagrees


@pytest.mark.parametrize(
    ("table", "folder", "drawn", "label", "other"),
    [
        (False, True, True, "fractured", "table"),
        (True, False, False, "normal", "table"),
        (True, False, True, "fractured", "folder"),
        (False, False, True, "normal", "drawings"),
        (True, True, False, "fractured", "drawings"),
    ],
)
def test_the_majority_of_three_witnesses_decides(tree, table, folder, drawn, label, other):
    number = 77
    tree.draw(number, fractured=folder)
    row = f"1,0,0,0,0,0,0,{int(table)},0,1,0,0"
    tree.table({name_of(each): text for each, text in ROWS.items()} | {name_of(number): row})
    tree.drawn([30, 60, number], [fracture(30), fracture(60)] + [fracture(number)] * drawn)
    manifest = import_fracatlas(tree.root)
    case = manifest[-1]
    assert case.label == label
    assert case.tags == ("label-conflict", f"disagrees:{other}")
    assert "1 tagged label-conflict" in manifest.note


def test_copies_are_kept_tagged_and_in_one_split(tree):
    rows = {name_of(number): ROWS[30] for number in range(0, 1000, 25)}
    for number in range(0, 1000, 25):
        tree.draw(number, fractured=True)
    tree.path(500, fractured=True).write_bytes(tree.path(0, fractured=True).read_bytes())
    tree.table(rows)
    manifest = import_fracatlas(tree.root)
    cases = {case.case_id: case for case in manifest}
    assert "duplicate-of:IMG0000000" in cases["IMG0000500"].tags
    assert cases["IMG0000500"].split == cases["IMG0000000"].split
    assert cases["IMG0000500"].patient_id == cases["IMG0000000"].patient_id == "block-0000"
    assert cases["IMG0000475"].patient_id == "block-0019"
    assert "1 tagged duplicate-of" in manifest.note


# what is skipped


def test_unreadable_films_are_skipped(tree):
    tree.path(30, fractured=True).write_bytes(b"")
    whole = tree.draw(61, fractured=False, quality=95).read_bytes()
    tree.path(61, fractured=False).write_bytes(whole[:-60])
    skipped = tree.skipped()
    assert skipped["images/Fractured/IMG0000030.jpg"] == "the file is empty"
    assert skipped["images/Non_fractured/IMG0000061.jpg"].startswith("truncated or damaged")
    assert len(skipped) == 2
    assert list(cases_of(tree)) == ["IMG0000031", "IMG0000060"]


def test_missing_and_unnamed_films_are_skipped(tree):
    tree.path(31, fractured=False).unlink()
    tree.draw(99, fractured=True)
    tree.draw(30, fractured=False)
    tree.path(30, fractured=True).with_name("._IMG0000030.jpg").write_bytes(b"x")
    (tree.root / "images" / "note.txt").write_text("x")
    assert tree.skipped() == {
        "dataset.csv:3: IMG0000031.jpg": "missing from images",
        "images/Fractured/IMG0000099.jpg": "dataset.csv has no usable line for it",
        "images/Non_fractured/IMG0000030.jpg": "the same name as images/Fractured/IMG0000030.jpg",
        "images/note.txt": "not in one of the folders Fractured, Non_fractured",
    }


def test_bad_lines_of_the_table_are_skipped(tree):
    rows = {name_of(30): ROWS[30], "film.jpg": ROWS[30], name_of(31): "1,0", name_of(60): ROWS[60].replace("2", "two")}
    rows[name_of(61)] = ROWS[61].replace("1", "yes", 1)
    tree.table(rows)
    skipped = tree.skipped()
    assert skipped["dataset.csv:3"] == "image_id 'film.jpg' is not a name such as IMG0000019.jpg"
    assert skipped["dataset.csv:4"] == "3 values for 13 columns"
    assert skipped["dataset.csv:6"] == "leg 'yes' is neither 0 nor 1"
    assert list(cases_of(tree)) == ["IMG0000030", "IMG0000060"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (fracture(30, bbox=[1, 2, 0, 4]), "box (1, 2, 1, 6) of a 'fractur"),
        (fracture(30, bbox=[30, 2, 5, 4]), "wanted left < right"),
        (fracture(30, bbox=[1, 2]), "not a COCO annotation (ValueError"),
        (fracture(30, bbox=[float("nan"), 2, 5, 4]), "not a COCO annotation (ValueError"),
        (fracture(30, segmentation=[[1, 2, 3, 4]]), "an outline of 4 numbers; wanted x, y of three or more corners"),
        (fracture(30, segmentation=[[1, 2, 3, 4, 5, float("inf")]]), "an outline of 6 numbers"),
        (fracture(30, segmentation="text"), "not a COCO annotation (ValueError"),
        (fracture(30, segmentation=7), "not a COCO annotation (TypeError"),
        (fracture(30, category_id=5), "not a COCO annotation (KeyError"),
        (fracture(30, image_id=5), "not a COCO annotation (KeyError"),
        ("text", "not a COCO annotation (TypeError"),
    ],
)
def test_bad_drawings_are_skipped_and_the_rest_kept(tree, entry, words):
    path = tree.drawn([30, 60], [entry, fracture(60)])
    (skipped,) = import_fracatlas(tree.root).skipped
    assert skipped.what == f"{path}: annotation 0"
    assert words in skipped.reason
    cases = cases_of(tree)
    assert cases["IMG0000030"].annotations == ()
    assert cases["IMG0000030"].label == "fractured"
    assert len(cases["IMG0000060"].annotations) == 1


def test_a_drawing_at_another_scale_is_skipped(tree):
    tree.drawn([30], [fracture(30)], width=40, height=24)
    words = "drawn on 40 x 24 pixels, images/Fractured/IMG0000030.jpg has 20 x 12"
    assert list(tree.skipped().values()) == [words]


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), ("[1]", "not COCO annotations"), ("{", "not readable as JSON")]
)
def test_without_drawings_the_films_are_still_read(tree, content, words):
    if content is None:
        (tree.root / DRAWN).unlink()
    else:
        (tree.root / DRAWN).write_text(content)
    manifest = import_fracatlas(tree.root)
    (skipped,) = manifest.skipped
    assert words in skipped.reason
    assert [case.label for case in manifest] == ["fractured", "normal", "fractured", "normal"]
    assert not any("label-conflict" in case.tags for case in manifest)


def test_without_drawings_the_table_decides(tree):
    (tree.root / DRAWN).unlink()
    tree.path(30, fractured=True).rename(tree.path(30, fractured=False))
    case = cases_of(tree)["IMG0000030"]
    assert (case.label, case.tags) == ("fractured", ("label-conflict", "disagrees:folder"))


# what is refused


def test_a_folder_that_is_not_fracatlas(tmp_path):
    with pytest.raises(ManifestError, match=r"not FracAtlas; wanted a folder with images, dataset\.csv"):
        import_fracatlas(tmp_path)


def test_a_table_without_its_columns(tree):
    tree.table({}, "image_id,hand")
    with pytest.raises(ManifestError, match=r"dataset\.csv:1: column 'leg' is missing"):
        import_fracatlas(tree.root)


def test_no_film_at_all(tree):
    for number, row in ROWS.items():
        tree.path(number, fractured=row.split(",")[7] == "1").write_bytes(b"")
    with pytest.raises(ManifestError, match=r"none of the 4 films that dataset\.csv names can be read"):
        import_fracatlas(tree.root)


# splits


def test_a_split_file_is_followed(tree, tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(
        "image_id,split,block\nIMG0000030.jpg,val,1\nIMG0000060.jpg,test,2\nIMG0000061.jpg,hold,2\nIMG0000999.jpg,train,9\n"
    )
    manifest = import_fracatlas(tree.root, split_file=path)
    assert [case.split for case in manifest] == ["valid", "", "test", ""]
    assert [str(each) for each in manifest.skipped] == [
        f"{path}:4: split 'hold' is not one of train, val, valid, test",
        f"{path}:5: dataset.csv has no usable line for IMG0000999.jpg",
    ]
    assert "split of split.csv" in manifest.note


def test_blocks_are_never_split(tree):
    numbers = range(0, 300, 7)
    for number in numbers:
        tree.draw(number, fractured=False)
    tree.table({name_of(number): ROWS[61] for number in numbers})
    splits = {(case.patient_id, case.split) for case in import_fracatlas(tree.root)}
    assert len(splits) == 12
    assert {split for _, split in splits} == {"train", "valid", "test"}


# the real films


def test_real_films_are_all_accounted_for(real):
    assert len(real) + len(real.skipped) == 915
    assert {Path(each.what).name for each in real.skipped} == {"IMG0004189.jpg", "IMG0004256.jpg"}
    assert all("truncated" in each.reason for each in real.skipped)
    assert Counter(case.label for case in real) == {"normal": 534, "fractured": 379}
    assert Counter(case.split for case in real) == {"train": 463, "valid": 204, "test": 233, "": 13}


def test_real_fractures_lie_on_their_films(real):
    annotated = [case for case in real if case.annotations]
    assert len(annotated) == 379
    assert sum(len(case.annotations) for case in annotated) == 477
    for case in annotated:
        area = case.mask("fracture").mean()
        assert 0 < area < 0.2, case.case_id


def test_the_real_label_conflict_goes_with_the_majority(real):
    (case,) = [case for case in real if "label-conflict" in case.tags]
    assert (case.case_id, case.label) == ("IMG0003298", "fractured")


def test_the_real_rotated_film_is_measured_upright(real):
    (case,) = real.select(["IMG0002628"])
    assert read_radiograph(real.path(case)).pixels.shape == (case.height, case.width) == (373, 454)
    assert case.has("fracture")


def test_real_blocks_are_those_of_the_split_file(real, shared_data):
    lines = (shared_data / "fracatlas_split.csv").read_text().splitlines()[1:]
    blocks = {name.removesuffix(".jpg"): int(block) for name, _, block in (line.split(",") for line in lines)}
    joined = {case.patient_id for case in real if any("duplicate-of:" in tag for tag in case.tags)}
    alone = [case for case in real if case.split and case.patient_id not in joined]
    assert len(alone) > 300
    assert all(f"block-{blocks[case.case_id]:04d}" == case.patient_id for case in alone)


def test_the_real_copies_are_found_although_their_files_differ(real):
    found = {case.case_id: original for case, original in copies(real)}
    assert len(found) == 16
    assert found["IMG0004105"] == "IMG0002682"
    by_id = {case.case_id: case for case in real}
    assert all(by_id[copy].patient_id == by_id[original].patient_id for copy, original in found.items())
    assert all(by_id[copy].sha256 != by_id[original].sha256 for copy, original in found.items())
    assert "16 tagged duplicate-of: the pixels of another film" in real.note


def test_our_own_split_parts_no_real_copies(real):
    split = {case.case_id: case.split for case in split_cases(real)}
    pairs = [
        (case.case_id, tag.partition(":")[2]) for case in real for tag in case.tags if tag.partition(":")[0] in COPIES
    ]
    assert len(pairs) >= 26
    assert all(split[copy] == split[original] for copy, original in pairs)


# the complete set


def test_a_table_of_4083_rows_without_most_of_its_films(tree):
    """The complete set has as many rows; who has some of its films reads which ones are missing."""
    rows = {name_of(number): ROWS[61] for number in range(4083)}
    tree.table(rows | {name_of(number): row for number, row in ROWS.items()})
    manifest = import_fracatlas(tree.root)
    assert len(manifest) == 4
    assert len(manifest.skipped) == 4079
    assert manifest.skipped[0].what == f"{tree.root / TABLE}:2: IMG0000000.jpg"
    assert {each.reason for each in manifest.skipped} == {"missing from images"}
