"""DICOM radiographs below a folder, whoever exported them: patients and studies as keyed hashes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from workbench.core.case import Case
from workbench.core.errors import ManifestError, ReaderError, Skipped
from workbench.core.files import project_root
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.importers.duplicates import duplicates_note, tag_duplicates
from workbench.data.importers.files import FilmFile, case_of_film, read_film_files, reversed_note, visible_files
from workbench.data.importers.labels import abnormal_classes, labelled_case, labelled_images
from workbench.data.importers.patient_key import FILE_NAME, patient_key
from workbench.data.importers.splits import split_cases
from workbench.data.importers.tables import Row
from workbench.imaging.dicom.identity import hashed_id, read_hashed_ids
from workbench.imaging.dicom.reader import is_dicom

CLASS_NAMES = ("normal", "abnormal")
"""What films without labels may turn out to be."""


def import_dicom(
    root: str | Path,
    *,
    labels: str | Path | None = None,
    positive: str | Sequence[str] | None = None,
    name: str | None = None,
    key_file: str | Path | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Read the DICOM radiographs of a folder and of all below it.

    Films are told by their content, whatever their names. View, side, body part and spacing come from the header.
    Ids of films, studies and patients are keyed hashes (HMAC-SHA-256), and nothing else of the header is kept; but an
    image path stands in the manifest as it is, so rename folders and files that tell who somebody is. A film without
    a patient belongs to its study's; without a study, it is its own.

    Parameters
    ----------
    root
        The folder. Dot files are passed over.
    labels
        A CSV as :func:`workbench.data.importers.folder.import_folder` takes it; without it no film has a label. Its
        patient and study ids are hashed too.
    positive
        The abnormal class or classes among the labels.
    name
        Of the data set; the folder's own without it.
    key_file
        Where the key of the hashes lies, where ``$WORKBENCH_PATIENT_KEY`` does not tell it; it is made where it is
        missing. Without it ``data_manifests/patient.key`` of the project, which git ignores.
    progress
        Told after each film.

    Returns
    -------
    Manifest
        Split by whole patients, unless the table says how; ``skipped`` lists what is no readable film.

    Raises
    ------
    ManifestError
        No such folder, no film in it, a table or a key that cannot be used.
    """
    root = Path(root)
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder")
    row_of, skipped = labelled_images(root, Path(labels)) if labels is not None else (None, [])
    images, others = _dicom_files(root, visible_files(root) if row_of is None else row_of)
    key = patient_key(Path(key_file) if key_file is not None else project_root() / "data_manifests" / FILE_NAME)
    films, unreadable = read_film_files(root, images, progress=progress)
    found, nameless = _cases(root, films, row_of, key)
    skipped += others + unreadable + nameless
    if not found:
        first = f"; {len(skipped)} files were skipped, first: {skipped[0]}" if skipped else ""
        raise ManifestError(f"{root}: no DICOM film that can be read{first}")
    cases = tag_duplicates(_numbered(found), {film.image: film.pixels_sha256 for film in films.values()})
    cases = cases if any(case.split for case in cases) else split_cases(cases)
    class_names, abnormal = _classes(root, cases, positive)
    return Manifest(
        name=name or root.resolve().name,
        class_names=class_names,
        positive=abnormal,
        root=root,
        cases=cases,
        source=f"DICOM files of {root.resolve().name}",
        note="; ".join(_notes(cases)),
        skipped=tuple(skipped),
    )


def _dicom_files(root: Path, images: Iterable[str]) -> tuple[list[str], list[Skipped]]:
    found: list[str] = []
    others: list[Skipped] = []
    for image in images:
        try:
            with (root / image).open("rb") as file:
                reason = "" if is_dicom(file) else "not DICOM by its content"
        except OSError as error:
            reason = f"not readable ({error.strerror})"
        if reason:
            others.append(Skipped(f"{root / image}", reason))
        else:
            found.append(image)
    return found, others


def _cases(
    root: Path, films: Mapping[str, FilmFile], row_of: Mapping[str, Row] | None, key: bytes
) -> tuple[list[Case], list[Skipped]]:
    cases: list[Case] = []
    skipped: list[Skipped] = []
    for film in films.values():
        try:
            case = _identified(root, film, key)
        except ReaderError as error:
            skipped.append(Skipped(f"{root / film.image}", str(error).removeprefix(f"{root / film.image}: ")))
            continue
        cases.append(case if row_of is None else _labelled(case, row_of[film.image], key))
    return cases, skipped


def _identified(root: Path, film: FilmFile, key: bytes) -> Case:
    ids = read_hashed_ids(root / film.image, key)
    case_id = ids.film or hashed_id("film", film.sha256.encode(), key)
    study_id = ids.study or case_id
    return replace(case_of_film(film, case_id), study_id=study_id, patient_id=ids.patient or study_id)


def _labelled(case: Case, row: Row, key: bytes) -> Case:
    """Return a case with its line's label; ids that the table tells in clear are hashed as those of the header are."""
    labelled = labelled_case(case, row)
    return replace(
        labelled,
        patient_id=hashed_id("patient", row.get("patient_id").encode(), key) or case.patient_id,
        study_id=hashed_id("study", row.get("study_id").encode(), key) or case.study_id,
    )


def _numbered(cases: Iterable[Case]) -> list[Case]:
    """Return the cases, the second of an id and those after it with a number: exports repeat films."""
    seen: Counter[str] = Counter()
    numbered = []
    for case in cases:
        seen[case.case_id] += 1
        count = seen[case.case_id]
        numbered.append(case if count == 1 else replace(case, case_id=f"{case.case_id}-{count}"))
    return numbered


def _classes(
    root: Path, cases: Iterable[Case], positive: str | Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = sorted({case.label for case in cases if case.label is not None})
    if not names:
        return CLASS_NAMES, CLASS_NAMES[1:]
    if len(names) < 2:
        raise ManifestError(f"{root}: readable films of two or more classes are wanted, found only {names[0]!r}")
    abnormal, _ = abnormal_classes(root, names, positive)
    return (*(each for each in names if each not in abnormal), *abnormal), abnormal


def _notes(cases: Sequence[Case]) -> list[str]:
    patients = len({case.patient_id for case in cases})
    alone = ["all films tell one patient, so that no split of them says anything"] if patients == 1 < len(cases) else []
    hashed = "ids are keyed hashes; image paths are as they were found, so see that none tells a name"
    return [f"{patients} patients", *alone, hashed, *duplicates_note(cases), *reversed_note(cases)]
