"""A sound manifest has no finding; each fault alone gives its own and no other."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from workbench.core.annotation import Annotation
from workbench.core.case import Case
from workbench.core.errors import OptionError, Skipped
from workbench.core.files import sha256_of
from workbench.core.manifest import Manifest
from workbench.core.seeding import derived_generator
from workbench.data.checking.check import check_manifest
from workbench.data.checking.findings import Finding
from workbench.data.checking.splits import split_parts
from workbench.imaging.pixels import write_png

WIDTH, HEIGHT = 60, 72


def pixels(name: str) -> np.ndarray:
    noise = derived_generator("checked film", name).normal(size=(HEIGHT, WIDTH))
    return np.clip(0.5 + gaussian_filter(noise, 2) * 1.2, 0, 1).astype(np.float32)


def put(root: Path, image: str, what: np.ndarray) -> dict[str, object]:
    write_png(root / image, what)
    return {"image": image, "sha256": sha256_of(root / image), "width": what.shape[1], "height": what.shape[0]}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Manifest:
    """Ten films of each class in each of two splits, every film of a patient of its own."""
    root = tmp_path_factory.mktemp("films")
    cases = []
    for split in ("train", "test"):
        for label in ("normal", "abnormal"):
            for index in range(10):
                name = f"{split}-{label}{index}"
                box = Annotation("evidence", (0, 0, WIDTH, HEIGHT), [[1, 1, 9, 1, 9, 9]])
                known = {"label": label, "split": split, "body_part": "hand", "annotations": (box,)}
                cases.append(Case(name, f"p-{name}", f"s-{name}", **put(root, f"{name}.png", pixels(name)), **known))
    return Manifest("set", ("normal", "abnormal"), ("abnormal",), root, tuple(cases))


@pytest.fixture
def sound(drawn: Manifest, tmp_path: Path) -> Manifest:
    """The same films in a folder that a test may harm."""
    for path in drawn.root.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return replace(drawn, root=tmp_path)


def changed(manifest: Manifest, case_id: str, **changes: object) -> Manifest:
    return manifest.where(replace(case, **changes) if case.case_id == case_id else case for case in manifest)


def added(manifest: Manifest, what: np.ndarray | bytes, *, case_id: str = "extra", **known: object) -> Manifest:
    """Add a film of a patient of its own: pixels, or the bytes of a file."""
    if isinstance(what, bytes):
        path = manifest.root / f"{case_id}.png"
        path.write_bytes(what)
        known = {"image": path.name, "sha256": sha256_of(path), "width": WIDTH, "height": HEIGHT} | known
    else:
        known = put(manifest.root, f"{case_id}.png", what) | known
    usual = {"label": "normal", "split": "train", "body_part": "hand"}
    return manifest.where([*manifest, Case(case_id, f"p-{case_id}", f"s-{case_id}", **(usual | known))])


def saved_again(manifest: Manifest, name: str) -> bytes:
    """The same pixels in other bytes."""
    path = manifest.root / "again.png"
    Image.open(manifest.root / f"{name}.png").save(path, compress_level=1)
    content = path.read_bytes()
    path.unlink()
    assert content != (manifest.root / f"{name}.png").read_bytes()
    return content


def test_a_sound_manifest_has_no_finding(sound):
    told = []
    found = check_manifest(sound, progress=lambda *each: told.append(each))
    assert found.findings == ()
    assert (found.films, found.read, found.twins) == (40, 40, 0)
    assert told == [(done, 40) for done in range(1, 41)]
    counts = {(each.body_part, each.split): each.counts for each in found.balance}
    assert counts == {("hand", "train"): (10, 10), ("hand", "test"): (10, 10)}


# ----- one fault each


def a_missing_film(manifest: Manifest) -> Manifest:
    (manifest.root / "train-normal0.png").unlink()
    return manifest


def a_cut_film(manifest: Manifest) -> Manifest:
    path = manifest.root / "train-normal0.png"
    path.write_bytes(path.read_bytes()[:1500])
    return manifest


def a_changed_film(manifest: Manifest) -> Manifest:
    write_png(manifest.root / "train-normal0.png", pixels("something else"))
    return manifest


def films_beyond_the_root(manifest: Manifest) -> Manifest:
    (manifest.root / "train-normal0.png").unlink()
    (manifest.root / "train-normal0.png").symlink_to(Path(__file__))
    return manifest


def twins(manifest: Manifest, split: str, **known: object) -> Manifest:
    """Add a twin of a film of the split ``train``, with a mark, in a split, of the same patient."""
    marked = pixels("train-normal0").copy()
    marked[4:12, 4:12] = 1
    owner = {"patient_id": "p-train-normal0", "study_id": "s-train-normal0"}
    manifest = added(manifest, marked, split=split, twins=("train-normal0",), **known)
    manifest = manifest.where([*manifest[:-1], replace(manifest[-1], **owner)])
    return changed(manifest, "train-normal0", twins=("extra",))


FAULTS: dict[str, tuple[Callable[[Manifest], Manifest], list[tuple[str, str]]]] = {
    "missing film": (a_missing_film, [("error", "missing-file")]),
    "cut film": (a_cut_film, [("error", "unreadable-film")]),
    "changed film": (a_changed_film, [("error", "changed-film")]),
    "film beyond the root": (films_beyond_the_root, [("error", "unreadable-film")]),
    "wrong size": (lambda m: changed(m, "train-normal0", width=61), [("error", "wrong-size")]),
    "box outside": (
        lambda m: changed(m, "train-normal0", annotations=(Annotation("flag", (50, 1, 61, 9)),)),
        [("error", "annotation-outside")],
    ),
    "mask of another film": (
        lambda m: changed(
            m, "train-normal0", annotations=(Annotation("flag", (1, 1, 9, 9), {"size": [9, 9], "counts": [0, 81]}),)
        ),
        [("error", "bad-mask")],
    ),
    "empty mask": (
        lambda m: changed(
            m,
            "train-normal0",
            annotations=(Annotation("flag", (1, 1, 9, 9), {"size": [72, 60], "counts": [72 * 60]}),),
        ),
        [("error", "bad-mask")],
    ),
    "absent twin": (lambda m: changed(m, "train-normal0", twins=("nobody",)), [("error", "missing-twin")]),
    "one-sided twin": (lambda m: changed(m, "train-normal0", twins=("test-normal0",)), [("error", "one-sided-twin")]),
    "patient in two splits": (
        lambda m: changed(m, "train-normal0", patient_id="p-test-normal0"),
        [("error", "patient-across-splits")],
    ),
    "study of two patients": (
        lambda m: changed(m, "train-normal0", study_id="s-train-normal1"),
        [("error", "study-of-two-patients")],
    ),
    "study with two labels": (
        lambda m: changed(m, "train-normal0", study_id="s-train-abnormal0", patient_id="p-train-abnormal0"),
        [("warning", "study-with-two-labels")],
    ),
    "the same file in two splits": (
        lambda m: added(m, (m.root / "test-normal0.png").read_bytes()),
        [("error", "byte-equal-across-splits")],
    ),
    "the same file in one split": (
        lambda m: added(m, (m.root / "train-normal0.png").read_bytes()),
        [("information", "byte-equal")],
    ),
    "the same file under two labels": (
        lambda m: added(m, (m.root / "train-abnormal0.png").read_bytes()),
        [("warning", "byte-equal")],
    ),
    "the same pixels in two splits": (
        lambda m: added(m, saved_again(m, "test-normal0")),
        [("error", "pixel-equal-across-splits")],
    ),
    "the same pixels in one split": (
        lambda m: added(m, saved_again(m, "train-normal0")),
        [("information", "pixel-equal")],
    ),
    "a brighter film in two splits": (
        lambda m: added(m, 0.2 + 0.7 * pixels("test-normal0")),
        [("error", "near-duplicate-across-splits")],
    ),
    "a brighter film in one split": (
        lambda m: added(m, 0.2 + 0.7 * pixels("train-normal0")),
        [("information", "near-duplicate")],
    ),
    "twins in two splits": (
        lambda m: twins(m, "test"),
        [
            ("error", "patient-across-splits"),
            ("error", "study-across-splits"),
            ("error", "twins-across-splits"),
        ],
    ),
    "a class that a split lacks": (
        lambda m: m.where(case for case in m if (case.split, case.label) != ("test", "abnormal")),
        [("warning", "class-missing")],
    ),
    "a small group": (lambda m: m[1:], [("warning", "small-group")]),
    "an unusable row": (
        lambda m: replace(m, skipped=(Skipped("set.csv:9", "label 'x' is not one of normal, abnormal"),)),
        [("warning", "unusable-row")],
    ),
    "a film without a label": (lambda m: added(m, pixels("new"), label=None), [("information", "no-label")]),
    "no sha256": (lambda m: changed(m, "train-normal0", sha256=""), [("information", "no-sha256")]),
    "no size": (lambda m: changed(m, "train-normal0", width=0), [("information", "no-size")]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_gives_its_own_finding_and_no_other(sound, fault):
    make, wanted = FAULTS[fault]
    found = check_manifest(make(sound)).findings
    assert [(finding.severity, finding.kind) for finding in found] == wanted
    assert not any("\n" in finding.words or str(Path(__file__).parent) in finding.words for finding in found)


def test_what_is_wrong_is_named(sound):
    manifest = changed(a_cut_film(sound), "test-normal1", width=61)
    cut, wrong = check_manifest(manifest).findings
    assert cut.cases == ("train-normal0",)
    assert cut.words.startswith("train-normal0.png: ")
    assert wrong.words == "test-normal1.png: 60 x 72; the manifest says 61 x 72"


def test_a_copy_is_told_once_with_all_who_show_it(sound):
    """Equal bytes are equal pixels and near duplicates too; the strictest sense alone is told."""
    manifest = added(sound, (sound.root / "test-abnormal0.png").read_bytes())
    manifest = added(manifest, (sound.root / "test-abnormal0.png").read_bytes(), case_id="another")
    (found,) = check_manifest(manifest).findings
    assert found.cases == ("test-abnormal0", "extra", "another")
    assert found.words.endswith("are the same file; in test and train; labelled abnormal and normal")


def test_films_without_a_split_are_in_no_split(sound):
    manifest = added(sound, (sound.root / "test-normal0.png").read_bytes(), split="")
    kinds = {finding.kind for finding in check_manifest(manifest).findings}
    assert kinds == {"byte-equal", "class-missing", "small-group", "no-split"}


# ----- twins


def test_twins_are_no_copies_of_each_other(sound):
    found = check_manifest(twins(sound, "train"))
    assert found.findings == ()
    assert found.twins == 2


def variants(manifest: Manifest) -> Manifest:
    """Every film in two variants of its split, as the sets of phantoms are."""
    first = [replace(c, split=f"{c.split}-one", twins=(f"{c.case_id}-two",)) for c in manifest]
    second = [replace(c, case_id=f"{c.case_id}-two", split=f"{c.split}-two", twins=(c.case_id,)) for c in manifest]
    return manifest.where([*first, *second])


def test_variants_of_a_split_linked_by_twins_are_one_part(sound):
    manifest = variants(sound)
    assert split_parts(manifest) == {"train-one": "train", "train-two": "train", "test-one": "test", "test-two": "test"}
    assert check_manifest(manifest).findings == ()


def test_variants_do_not_hide_a_copy_between_training_and_test(sound):
    manifest = added(variants(sound), (sound.root / "test-normal0.png").read_bytes(), split="train-one")
    (found,) = check_manifest(manifest).findings
    assert (found.severity, found.kind) == ("error", "byte-equal-across-splits")
    assert "in test and train" in found.words


def test_folds_that_no_twins_link_stay_apart(sound):
    folds = {"train": "fold-1", "test": "fold-2"}
    manifest = sound.where(replace(case, split=folds[case.split]) for case in sound)
    manifest = added(manifest, (sound.root / "test-normal0.png").read_bytes(), split="fold-1")
    (found,) = check_manifest(manifest).findings
    assert found.kind == "byte-equal-across-splits"


# ----- the result


def test_errors_come_first_and_everything_is_in_the_frame(sound):
    manifest = changed(a_missing_film(sound), "test-normal0", sha256="")[:-1]
    found = check_manifest(manifest)
    assert [each.severity for each in found.findings] == ["error", "warning", "information"]
    assert [found.count(severity) for severity in ("error", "warning", "information")] == [1, 1, 1]
    assert found.kinds == {"missing-file": 1, "small-group": 1, "no-sha256": 1}
    frame = found.to_frame()
    assert list(frame.columns) == ["severity", "kind", "cases", "words"]
    assert frame.cases[0] == "train-normal0"
    assert (found.films, found.read) == (39, 38)


def test_an_unknown_severity_is_refused():
    with pytest.raises(OptionError, match="severity 'fatal' is not one of error, warning, information"):
        Finding("fatal", "kind", (), "words")


def test_the_known_copies_of_real_films_are_found(shared_data):
    root = shared_data / "FracAtlas-subset"
    numbers = (2741, 4118, 2848, 4206, 1934, 3765, 2104, 3068)
    paths = [next((root / "images").rglob(f"IMG{number:07d}.jpg")) for number in numbers]
    cases = [Case(path.stem, path.stem, path.stem, path.relative_to(root).as_posix()) for path in paths]
    found = check_manifest(Manifest("fracatlas", ("normal",), (), root, tuple(cases))).findings
    copies = {finding.kind: finding.cases for finding in found if "equal" in finding.kind or "near" in finding.kind}
    assert copies == {
        "pixel-equal": ("IMG0002741", "IMG0004118"),
        "near-duplicate": ("IMG0002848", "IMG0004206"),
    }
