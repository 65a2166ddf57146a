"""Tables of labels for films of any kind, and which of their classes are the abnormal ones."""

import posixpath
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.data.importers.files import visible_files
from workbench.data.importers.splits import known_split
from workbench.data.importers.tables import Row, read_table

REQUIRED = ("image", "label")
OPTIONAL = ("patient_id", "study_id", "split", "view", "laterality", "body_part")
ABNORMAL_NAMES = ("abnormal", "positive", "fractured")
"""Class names that are taken as the abnormal ones where nobody says."""


def labelled_images(root: Path, labels: Path) -> tuple[dict[str, Row], list[Skipped]]:
    """Return the line of each film that a table names, and what of either has no partner.

    Parameters
    ----------
    root
        The films' folder.
    labels
        The table, with the columns :data:`REQUIRED` and any of :data:`OPTIONAL`.

    Returns
    -------
    tuple of dict and list of Skipped
        Lines by the film's path from the root; bad lines, missing films, films without a line.
    """
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
    return {present[image]: row for image, row in by_image.items() if image in present}, skipped


def labelled_case(case: Case, row: Row) -> Case:
    """Return a case with what its line of the table says; where that says nothing, the case keeps its own."""
    return replace(
        case,
        label=row["label"] or None,
        patient_id=row.get("patient_id") or case.patient_id,
        study_id=row.get("study_id") or case.study_id,
        split=known_split(row.get("split")),
        view=row.get("view") or case.view,
        laterality=row.get("laterality") or case.laterality,
        body_part=row.get("body_part") or case.body_part,
    )


def abnormal_classes(root: Path, names: list[str], positive: str | Sequence[str] | None) -> tuple[tuple[str, ...], str]:
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
