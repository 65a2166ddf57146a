"""Anyone's films: one sub-folder for each class, or a folder of films with a table of labels."""

import posixpath
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.importers.duplicates import duplicates_note, join_patients, tag_duplicates
from workbench.data.importers.files import FilmFile, read_film_files, reversed_note, unique_cases, visible_files
from workbench.data.importers.splits import SPLIT_WORDS, known_split, split_cases
from workbench.data.importers.tables import Row, read_table

REQUIRED = ("image", "label")
OPTIONAL = ("patient_id", "study_id", "split", "view", "laterality", "body_part")
ABNORMAL_NAMES = ("abnormal", "positive", "fractured")
"""Class names that are taken as the abnormal ones where nobody says."""


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
    abnormal, reason = _abnormal_classes(root, names, positive)
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
    rows, skipped = read_table(labels, REQUIRED, optional=OPTIONAL)
    by_image: dict[str, Row] = {}
    for row in rows:
        image = _path_in_root(root, row["image"])
        if by_image.setdefault(image, row) is not row:
            skipped.append(Skipped(row.place, f"image {row['image']!r} occurs twice"))
    present = {_composed(image): image for image in visible_files(root) if not _is_same(root / image, labels)}
    unnamed = sorted(present[image] for image in present.keys() - by_image.keys())
    skipped += [Skipped(f"{root / image}", f"{labels.name} has no usable line for it") for image in unnamed]
    absent = [row for image, row in by_image.items() if image not in present]
    skipped += [Skipped(f"{row.place}: {row['image']}", f"missing from {root}") for row in absent]
    row_of = {present[image]: row for image, row in by_image.items() if image in present}
    films, unreadable = read_film_files(root, list(row_of), progress=progress)
    cases, twice = unique_cases(root, (_labelled_case(film, row_of[film.image]) for film in films.values()))
    return cases, films, skipped + unreadable + twice


def _path_in_root(root: Path, text: str) -> str:
    """Return the path of a film as a table on any system may write it, from the root where it lies there."""
    for base in (root.absolute(), root.resolve()):
        if Path(text).is_relative_to(base):
            return _composed(Path(text).relative_to(base).as_posix())
    return _composed(posixpath.normpath(text.replace("\\", "/")))


def _composed(text: str) -> str:
    """Return a path with its accents composed: some systems keep them apart, and tables seldom do."""
    return unicodedata.normalize("NFC", text)


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _labelled_case(film: FilmFile, row: Row) -> Case:
    case = _case(film, row["label"] or None)
    return replace(
        case,
        patient_id=row.get("patient_id") or case.patient_id,
        study_id=row.get("study_id") or case.study_id,
        split=known_split(row.get("split")),
        view=row.get("view"),
        laterality=row.get("laterality"),
        body_part=row.get("body_part"),
    )


def _case(film: FilmFile, label: str | None) -> Case:
    """Return the case of a film; its id is its path with dashes for slashes, so that it can name a file."""
    case_id = film.image.replace("/", "--")
    return Case(case_id, case_id, case_id, film.image, film.sha256, film.width, film.height, label, tags=film.tags)


def _abnormal_classes(
    root: Path, names: list[str], positive: str | Sequence[str] | None
) -> tuple[tuple[str, ...], str]:
    """Return the abnormal classes among all, and who says so."""
    if positive is None:
        known = tuple(name for name in names if name.lower() in ABNORMAL_NAMES)
        wanted, reason = (known, "by name") if known else ((names[-1],), "being the last by name")
    else:
        wanted, reason = ((positive,) if isinstance(positive, str) else tuple(positive)), "as was asked"
    for name in wanted:
        if name not in names:
            raise ManifestError(f"{root}: positive class {name!r} does not occur; there are {', '.join(names)}")
    if not 0 < len(set(wanted)) < len(names):
        raise ManifestError(f"{root}: {len(wanted)} of {len(names)} classes are positive; name some, not all, of them")
    return wanted, reason


def _notes(cases: Sequence[Case], abnormal: Sequence[str], reason: str, *, patients_known: bool) -> list[str]:
    first = [f"abnormal: {', '.join(abnormal)}, {reason}"]
    patients = [] if patients_known else ["no patients known: each film counts as its own"]
    return [*first, *patients, *duplicates_note(cases), *reversed_note(cases)]
