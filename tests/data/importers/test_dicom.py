"""DICOM films of a folder: hashed ids, splits by patients, labels of a table, and what is passed over."""

import struct

import numpy as np
import pytest

from workbench.core.errors import ManifestError
from workbench.core.manifest import read_manifest, write_manifest
from workbench.data.importers.dicom import import_dicom
from workbench.data.importers.patient_key import FILE_NAME, VARIABLE, patient_key
from workbench.imaging.pixels import write_png

KEY = "a secret of the house"


def element(tag: int, kind: str, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, kind.encode(), len(value)) + value


def draw(path, number: int, *, patient: str = "", study: str = "", seed: int | None = None) -> None:
    pixels = np.random.default_rng(number if seed is None else seed).integers(0, 256, (6, 5)).astype(np.uint8)
    texts = {0x00080018: ("UI", f"1.9.{number}"), 0x00100010: ("PN", "Doe^Jane"), 0x00100020: ("LO", patient)}
    texts |= {0x00180015: ("CS", "WRIST"), 0x00185101: ("CS", "PA"), 0x0020000D: ("UI", study), 0x00200062: ("CS", "L")}
    texts[0x00280004] = ("CS", "MONOCHROME2")
    texts[0x00280030] = ("DS", "0.2\\0.2")
    numbers = {0x00280002: 1, 0x00280010: 6, 0x00280011: 5, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7}
    elements = {tag: element(tag, kind, text.encode()) for tag, (kind, text) in texts.items()}
    elements |= {tag: element(tag, "US", struct.pack("<H", each)) for tag, each in numbers.items()}
    body = b"".join(elements[tag] for tag in sorted(elements))
    body += struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OW", 0, 30) + pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM" + element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0") + body)


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(VARIABLE, KEY)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "films"
    draw(folder / "a" / "1", 1, patient="ID-4711", study="1.2.1")
    draw(folder / "a" / "2.dcm", 2, patient="ID-4711", study="1.2.1")
    draw(folder / "b.dcm", 3, patient="ID-4712", study="1.2.2")
    draw(folder / "c.dcm", 4)
    return folder


def test_films_are_told_by_their_content_and_their_header_by_lists(root):
    (root / "notes.txt").write_text("x")
    (root / "cut.dcm").write_bytes((root / "b.dcm").read_bytes()[:-9])
    write_png(root / "picture.png", np.zeros((3, 3), np.float32))
    manifest = import_dicom(root)
    assert [case.image for case in manifest] == ["a/1", "a/2.dcm", "b.dcm", "c.dcm"]
    assert {(case.view, case.laterality, case.body_part, case.spacing_mm) for case in manifest} == {
        ("pa", "L", "wrist", 0.2)
    }
    assert all((case.width, case.height, case.label) == (5, 6, None) for case in manifest)
    assert {each.what.removeprefix(f"{root}/"): each.reason for each in manifest.skipped} == {
        "cut.dcm": "truncated: PixelData (7FE0,0010) has 21 bytes left of 30",
        "notes.txt": "not DICOM by its content",
        "picture.png": "not DICOM by its content",
    }


def test_ids_are_hashed_with_the_key(root, monkeypatch, tmp_path):
    first, again = import_dicom(root), import_dicom(root)
    assert first.cases == again.cases
    one, two, other, alone = first
    assert one.patient_id == two.patient_id != other.patient_id
    assert one.study_id == two.study_id != other.study_id
    assert alone.patient_id == alone.study_id == alone.case_id
    write_manifest(first, tmp_path / "set.csv")
    text = "".join(path.read_text() for path in tmp_path.glob("set.*"))
    assert not any(trace in text for trace in ("Doe", "4711", "4712", "1.2.1", "1.9.")), text
    assert read_manifest(tmp_path / "set.csv", root).cases == first.cases
    monkeypatch.setenv(VARIABLE, KEY[::-1])
    assert not {case.patient_id for case in import_dicom(root)} & {case.patient_id for case in first}


def test_whole_patients_are_split(root):
    for number in range(10, 40):
        draw(root / f"{number}.dcm", number, patient=f"P{number // 3}")
    manifest = import_dicom(root)
    splits = {(case.patient_id, case.split) for case in manifest}
    assert len(splits) == len({patient for patient, _ in splits})
    assert {split for _, split in splits} == {"train", "valid", "test"}


def test_copies_are_tagged_and_named_apart(root):
    (root / "z.dcm").write_bytes((root / "b.dcm").read_bytes())
    cases = {case.image: case for case in import_dicom(root)}
    original, copy = cases["b.dcm"], cases["z.dcm"]
    assert copy.case_id == f"{original.case_id}-2"
    assert copy.tags == (f"duplicate-of:{original.case_id}",)
    assert copy.split == original.split


def test_a_table_gives_labels_and_its_ids_are_hashed(root):
    table = root / "labels.csv"
    table.write_text(
        "image,label,patient_id,view\na/1,broken,,\na/2.dcm,whole,,lateral\nb.dcm,,ID-4711,\nd.dcm,whole,,\n"
    )
    manifest = import_dicom(root, labels=table, positive="broken", name="wrists")
    assert (manifest.name, manifest.class_names, manifest.positive) == ("wrists", ("whole", "broken"), ("broken",))
    assert [(case.label, case.view) for case in manifest] == [("broken", "pa"), ("whole", "lateral"), (None, "pa")]
    assert len({case.patient_id for case in manifest}) == 1
    assert "all films tell one patient" in manifest.note
    assert [each.reason for each in manifest.skipped] == [
        "labels.csv has no usable line for it",
        f"missing from {root}",
    ]


def test_without_labels_the_classes_are_open(root):
    manifest = import_dicom(root)
    assert (manifest.class_names, manifest.positive) == (("normal", "abnormal"), ("abnormal",))
    assert "see that none tells a name" in manifest.note


@pytest.mark.parametrize("what", ["absent", "empty"])
def test_a_folder_without_films_is_refused(tmp_path, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("x")
    words = {"absent": "no such folder", "empty": "no DICOM film that can be read; 1 files were skipped"}[what]
    with pytest.raises(ManifestError, match=words):
        import_dicom(tmp_path / what)


def test_one_class_is_no_label(root):
    table = root / "labels.csv"
    table.write_text("image,label\nb.dcm,whole\n")
    with pytest.raises(ManifestError, match="two or more classes are wanted, found only 'whole'"):
        import_dicom(root, labels=table)


# the key


def test_a_key_file_is_made_once_for_its_owner_only(root, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    path = tmp_path / "new" / FILE_NAME
    first = import_dicom(root, key_file=path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().strip()) == 64
    assert import_dicom(root, key_file=path).cases == first.cases
    assert [each.name for each in path.parent.iterdir()] == [FILE_NAME]
    path.unlink()
    assert import_dicom(root, key_file=path).cases != first.cases


def test_without_a_place_the_key_lies_with_the_manifests(root, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_manifests").mkdir()
    import_dicom(root)
    assert (tmp_path / "data_manifests" / FILE_NAME).is_file()


def test_a_short_key_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "short")
    with pytest.raises(ManifestError, match="of 5 signs; wanted at least 16"):
        patient_key(tmp_path / FILE_NAME)
    monkeypatch.delenv(VARIABLE)
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(ManifestError, match=r"patient\.key: a key for patients' ids of 0 signs"):
        patient_key(tmp_path / FILE_NAME)


def test_the_real_films(shared_data):
    manifest = import_dicom(shared_data / "dicom")
    assert [(case.body_part, case.view) for case in manifest] == [("hand", "pa"), ("extremity", "ap"), ("", "")]
    (broken,) = manifest.skipped
    assert broken.reason.startswith("damaged: the JPEG stream's scan has coefficients 0 to 0")
