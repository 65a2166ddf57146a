"""Anyone's films: one sub-folder for each class, or a folder of films with a table of labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.importers.duplicates import duplicates_note, join_patients, tag_duplicates
from workbench.data.importers.files import (
    FilmFile,
    case_of_film,
    read_film_files,
    reversed_note,
    unique_cases,
    visible_files,
)
from workbench.data.importers.labels import abnormal_classes, labelled_case, labelled_images
from workbench.data.importers.splits import SPLIT_WORDS, known_split, split_cases


def import_folder(
    root: str | Path,
    *,
    labels: str | Path | None = None,
    positive: str | Sequence[str] | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Read a folder of films.

    Without ``labels`` each sub-folder is a class, and the films below it, however deep, are its own; where every
    sub-folder is called like a split (:data:`SPLIT_WORDS`), its sub-folders are the classes. With ``labels`` a CSV
    says it: ``image,label`` and, where known, ``patient_id, study_id, split, view, laterality, body_part``; an empty
    label is an unknown one. A film without a patient is its own patient, together with its copies; without a study,
    its own study. Where nobody gives splits, whole patients are split by :func:`split_cases`. The abnormal classes
    come last in ``class_names``.

    Parameters
    ----------
    root
        The folder. Dot files are passed over.
    labels
        The CSV (also with semicolons or tabs); its image paths start from ``root`` or are absolute.
    positive
        The abnormal class or classes; without it those called ``abnormal``, ``positive`` or ``fractured``, else the
        last by name.
    name
        Of the data set; the folder's own without it.
    progress
        Told after each film.

    Returns
    -------
    Manifest
        ``skipped`` lists what is no readable film, missing films, films without a label, bad lines of the table.

    Raises
    ------
    ManifestError
        No such folder, a table that cannot be used, fewer than two classes, a positive class that does not occur.
    """
    root = Path(root)
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder")
    if labels is None:
        labelled, films, skipped = _cases_by_folder(root, progress)
    else:
        labelled, films, skipped = _cases_by_table(root, Path(labels), progress)
    cases = tag_duplicates(labelled, {film.image: film.pixels_sha256 for film in films.values()})
    patients_known = any(case.patient_id != case.case_id for case in cases)
    cases = cases if patients_known else join_patients(cases)
    cases = cases if any(case.split for case in cases) else split_cases(cases)
    names = sorted({case.label for case in cases if case.label is not None})
    if len(names) < 2:
        found = f"only {names[0]!r}" if names else "none"
        first = f"; {len(skipped)} files were skipped, first: {skipped[0]}" if skipped else ""
        raise ManifestError(f"{root}: readable films of two or more classes are wanted, found {found}{first}")
    abnormal, reason = abnormal_classes(root, names, positive)
    return Manifest(
        name=name or root.resolve().name,
        class_names=(*(each for each in names if each not in abnormal), *abnormal),
        positive=abnormal,
        root=root,
        cases=cases,
        source=f"folder {root.resolve().name}",
        note="; ".join(_notes(cases, abnormal, reason, patients_known=patients_known)),
        skipped=tuple(skipped),
    )


_Found = tuple[list[Case], dict[str, FilmFile], list[Skipped]]
"""Cases, the films they show, and what was not used."""


def _cases_by_folder(root: Path, progress: Progress | None) -> _Found:
    images = visible_files(root)
    has_splits = all(image.partition("/")[0].lower() in SPLIT_WORDS for image in images if "/" in image)
    depth = 2 if has_splits else 1
    inside = [image for image in images if image.count("/") >= depth]
    skipped = [Skipped(f"{root / each}", "in no class's sub-folder") for each in images if each.count("/") < depth]
    films, unreadable = read_film_files(root, inside, progress=progress)
    cases, unnamed = unique_cases(root, (_case_by_folder(film, depth) for film in films.values()))
    return cases, films, skipped + unreadable + unnamed


def _case_by_folder(film: FilmFile, depth: int) -> Case:
    above = film.image.split("/")[:depth]
    return replace(_case(film, above[-1]), split=known_split(above[0]) if depth == 2 else "")


def _cases_by_table(root: Path, labels: Path, progress: Progress | None) -> _Found:
    row_of, skipped = labelled_images(root, labels)
    films, unreadable = read_film_files(root, list(row_of), progress=progress)
    cases, twice = unique_cases(root, (labelled_case(_case(film, None), row_of[film.image]) for film in films.values()))
    return cases, films, skipped + unreadable + twice


def _case(film: FilmFile, label: str | None) -> Case:
    """Return the case of a film; its id is its path with dashes for slashes, so that it can name a file."""
    case_id = film.image.replace("/", "--")
    return case_of_film(film, case_id, label=label)


def _notes(cases: Sequence[Case], abnormal: Sequence[str], reason: str, *, patients_known: bool) -> list[str]:
    first = [f"abnormal: {', '.join(abnormal)}, {reason}"]
    patients = [] if patients_known else ["no patients known: each film counts as its own"]
    return [*first, *patients, *duplicates_note(cases), *reversed_note(cases)]
