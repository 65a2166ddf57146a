"""Anyone's films: one sub-folder for each class, or a folder of films with a table of labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.importers.files import FilmFile, read_film_files, tag_duplicates, visible_files
from workbench.data.importers.splits import split_cases
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

    Without ``labels`` each sub-folder is a class, and the films below it, however deep, are its own. With ``labels``
    a CSV says it: ``image,label`` and, where known, ``patient_id, study_id, split, view, laterality, body_part``; an
    empty label is an unknown one. A film without a patient is its own patient; without a study, its own study. Where
    the table has no column ``split``, whole patients are split by :func:`split_cases`. The abnormal classes come last
    in ``class_names``.

    Parameters
    ----------
    root
        The folder. Dot files are passed over.
    labels
        The CSV; its image paths start from ``root``.
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
        cases, skipped = _cases_by_folder(root, progress)
    else:
        cases, skipped = _cases_by_table(root, Path(labels), progress)
    names = sorted({case.label for case in cases if case.label is not None})
    if len(names) < 2:
        found = f"only {names[0]!r}" if names else "none"
        raise ManifestError(f"{root}: readable films of two or more classes are wanted, found {found}")
    abnormal, reason = _abnormal_classes(root, names, positive)
    return Manifest(
        name=name or root.resolve().name,
        class_names=(*(each for each in names if each not in abnormal), *abnormal),
        positive=abnormal,
        root=root,
        cases=tag_duplicates(cases),
        source=f"folder {root.resolve().name}",
        note=_note(cases, abnormal, reason),
        skipped=tuple(skipped),
    )


def _cases_by_folder(root: Path, progress: Progress | None) -> tuple[tuple[Case, ...], list[Skipped]]:
    images = visible_files(root)
    inside = [image for image in images if "/" in image]
    skipped = [Skipped(f"{root / image}", "in no class's sub-folder") for image in images if "/" not in image]
    films, unreadable = read_film_files(root, inside, progress=progress)
    return split_cases(_case(film, film.image.partition("/")[0]) for film in films.values()), skipped + unreadable


def _cases_by_table(root: Path, labels: Path, progress: Progress | None) -> tuple[tuple[Case, ...], list[Skipped]]:
    rows, skipped = read_table(labels, REQUIRED, optional=OPTIONAL)
    by_image = {row["image"]: row for row in rows}
    present = {image for image in visible_files(root) if (root / image).resolve() != labels.resolve()}
    unnamed = sorted(present - set(by_image))
    skipped += [Skipped(f"{root / image}", f"{labels.name} has no usable line for it") for image in unnamed]
    absent = [row for image, row in by_image.items() if image not in present]
    skipped += [Skipped(row.place, f"{row['image']} is missing from {root}") for row in absent]
    films, unreadable = read_film_files(root, [image for image in by_image if image in present], progress=progress)
    cases = tuple(_labelled_case(film, by_image[film.image]) for film in films.values())
    has_splits = any("split" in row.values for row in rows)
    return cases if has_splits else split_cases(cases), skipped + unreadable


def _labelled_case(film: FilmFile, row: Row) -> Case:
    case = _case(film, row["label"] or None)
    return replace(
        case,
        patient_id=row.get("patient_id") or case.patient_id,
        study_id=row.get("study_id") or case.study_id,
        split=row.get("split"),
        view=row.get("view"),
        laterality=row.get("laterality"),
        body_part=row.get("body_part"),
    )


def _case(film: FilmFile, label: str | None) -> Case:
    """Return the case of a film; its id is its path with dashes for slashes, so that it can name a file."""
    case_id = film.image.replace("/", "--")
    return Case(case_id, case_id, case_id, film.image, film.sha256, film.width, film.height, label)


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


def _note(cases: Sequence[Case], abnormal: Sequence[str], reason: str) -> str:
    note = f"abnormal: {', '.join(abnormal)}, {reason}"
    known = any(case.patient_id != case.case_id for case in cases)
    return note if known else f"{note}; no patients known: each film counts as its own"
