"""FracAtlas (Abedeen et al., Scientific Data 10, 2023) as its authors publish it: films, table, drawn fractures."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from workbench.core.annotation import Annotation
from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.importers.conflicts import CONFLICT, conflict_tags, conflicting
from workbench.data.importers.duplicates import duplicates_note, join_patients, tag_duplicates, tag_near_duplicates
from workbench.data.importers.files import FilmFile, read_film_files, reversed_note, visible_files
from workbench.data.importers.fracatlas_masks import read_drawn_fractures
from workbench.data.importers.splits import known_split, split_cases
from workbench.data.importers.tables import Row, read_table

TABLE = "dataset.csv"
DRAWN = "Annotations/COCO JSON/COCO_fracture_masks.json"
FOLDERS = {"Fractured": True, "Non_fractured": False}
"""The folders of ``images`` and whether their films show a fracture."""

CLASS_NAMES = ("normal", "fractured")
BODY_PARTS = ("hand", "leg", "hip", "shoulder")
VIEWS = ("frontal", "lateral", "oblique")
TAGS = ("mixed", "hardware", "multiscan")
FLAGS = (*BODY_PARTS, *VIEWS, *TAGS, "fractured")
"""Columns of the table that hold 0 or 1."""

BLOCK = 25
"""Neighbouring numbers that stand in for one patient: films of one patient mostly follow one another."""

SPLITS = ("train", "valid", "test", "")
SOURCE = "Abedeen et al., FracAtlas, Scientific Data 10 (2023), doi:10.1038/s41597-023-02432-4"
LICENCE = "CC BY 4.0"

_NAME = re.compile(r"[A-Za-z]*(\d{1,12})\.(jpg|jpeg|png)", re.IGNORECASE)


def import_fracatlas(
    root: str | Path, *, split_file: str | Path | None = None, progress: Progress | None = None
) -> Manifest:
    """Read FracAtlas in its own layout.

    Each film is decoded to its last row. Three witnesses speak of a fracture: the table, the folder and the drawn
    masks; where they disagree the majority decides (without drawings, the table) and the film is tagged
    ``label-conflict`` and with who says otherwise, such as ``disagrees:folder``. Several body parts or views on one
    film are joined by ``+``. A film with the pixels of an earlier one is kept and tagged ``duplicate-of:``, one with
    its picture encoded again ``near-duplicate-of:``. The data set knows no patients: :data:`BLOCK` neighbouring
    numbers stand in for one, blocks that share a film are one, and a film is its own study.

    Parameters
    ----------
    root
        The folder that holds ``images``, ``dataset.csv`` and ``Annotations``.
    split_file
        CSV with ``image_id`` and ``split`` (train, val or valid, test); films that it does not name get no split.
        Without it whole blocks are split by :func:`split_cases`.
    progress
        Told after each film.

    Returns
    -------
    Manifest
        ``skipped`` lists unreadable and missing films, pictures that the table does not name, bad lines of the
        tables, and drawings that fit no film.

    Raises
    ------
    ManifestError
        The folder, its table or the split file cannot be used as a whole, or no film can be read.
    """
    root = Path(root)
    if not (root / "images").is_dir():
        raise ManifestError(f"{root}: not FracAtlas; wanted a folder with images, {TABLE} and Annotations")
    rows, skipped = _read_rows(root / TABLE)
    present, unused = _find_pictures(root, rows)
    films, unreadable = read_film_files(root, list(present.values()), progress=progress)
    usable = {name: films[present[name]] for name in rows if present.get(name) in films}
    if not usable:
        raise ManifestError(f"{root}: none of the {len(rows)} films that {TABLE} names can be read")
    drawn, misdrawn = read_drawn_fractures(root / DRAWN, usable)
    fingerprints = {film.image: film.pixels_sha256 for film in films.values()}
    cases = tag_duplicates((_case(rows[name], film, drawn) for name, film in usable.items()), fingerprints)
    cases = tag_near_duplicates(cases, {film.image: film.thumbnail for film in films.values()})
    cases, misplaced = _with_splits(join_patients(cases), split_file, known=set(rows))
    return Manifest(
        name="fracatlas",
        class_names=CLASS_NAMES,
        positive=("fractured",),
        root=root,
        cases=cases,
        source=SOURCE,
        licence=LICENCE,
        note=_note(cases, split_file),
        skipped=(*skipped, *unused, *unreadable, *misdrawn, *misplaced),
    )


def _read_rows(path: Path) -> tuple[dict[str, Row], list[Skipped]]:
    """Return the usable rows by picture name, in the order of the names, and the others."""
    rows, skipped = read_table(path, ("image_id", *FLAGS))
    usable: dict[str, Row] = {}
    for row in rows:
        wrong = [f"{column} {row[column]!r} is neither 0 nor 1" for column in FLAGS if row[column] not in ("0", "1")]
        if not _NAME.fullmatch(row["image_id"]):
            wrong.insert(0, f"image_id {row['image_id']!r} is not a name such as IMG0000019.jpg")
        if wrong:
            skipped.append(Skipped(row.place, wrong[0]))
        else:
            usable[row["image_id"]] = row
    return dict(sorted(usable.items())), skipped


def _find_pictures(root: Path, rows: dict[str, Row]) -> tuple[dict[str, str], list[Skipped]]:
    """Return where each named picture lies, and the pictures that are missing, not named, or there twice."""
    present: dict[str, str] = {}
    skipped: list[Skipped] = []
    for below in visible_files(root / "images"):
        image, path = f"images/{below}", Path(below)
        if path.parent.as_posix() not in FOLDERS:
            skipped.append(Skipped(f"{root / image}", f"not in one of the folders {', '.join(FOLDERS)}"))
        elif path.name not in rows:
            skipped.append(Skipped(f"{root / image}", f"{TABLE} has no usable line for it"))
        elif path.name in present:
            skipped.append(Skipped(f"{root / image}", f"the same name as {present[path.name]}"))
        else:
            present[path.name] = image
    absent = [row for name, row in rows.items() if name not in present]
    return present, skipped + [Skipped(f"{row.place}: {row['image_id']}", "missing from images") for row in absent]


def _case(row: Row, film: FilmFile, drawn: dict[str, list[Annotation]] | None) -> Case:
    name = row["image_id"]
    number = int(_NAME.sub(r"\1", name))
    witnesses = {"table": row["fractured"] == "1", "folder": FOLDERS[Path(film.image).parent.name]}
    if drawn is not None:
        witnesses["drawings"] = name in drawn
    fractured = _most_say(list(witnesses.values()))
    tags = (*(tag for tag in TAGS if row[tag] == "1"), *film.tags)
    return Case(
        case_id=Path(name).stem,
        patient_id=f"block-{number // BLOCK:04d}",
        study_id=Path(name).stem,
        image=film.image,
        sha256=film.sha256,
        width=film.width,
        height=film.height,
        label=CLASS_NAMES[fractured],
        view="+".join(view for view in VIEWS if row[view] == "1"),
        body_part="+".join(part for part in BODY_PARTS if row[part] == "1"),
        tags=(*tags, *conflict_tags(fractured, witnesses)),
        annotations=tuple((drawn or {}).get(name, ())),
    )


def _most_say(witnesses: list[bool]) -> bool:
    """Return what most witnesses say; where they are equal in number, the first one."""
    ayes, noes = witnesses.count(True), witnesses.count(False)
    return witnesses[0] if ayes == noes else ayes > noes


def _with_splits(
    cases: tuple[Case, ...], split_file: str | Path | None, *, known: set[str]
) -> tuple[tuple[Case, ...], list[Skipped]]:
    if split_file is None:
        return split_cases(cases), []
    rows, skipped = read_table(Path(split_file), ("image_id", "split"))
    splits: dict[str, str] = {}
    for row in rows:
        if known_split(row["split"]) not in SPLITS:
            skipped.append(Skipped(row.place, f"split {row['split']!r} is not one of train, val, valid, test"))
        elif row["image_id"] not in known:
            skipped.append(Skipped(row.place, f"{TABLE} has no usable line for {row['image_id']}"))
        else:
            splits[row["image_id"]] = known_split(row["split"])
    return tuple(replace(case, split=splits.get(Path(case.image).name, "")) for case in cases), skipped


def _note(cases: Iterable[Case], split_file: str | Path | None) -> str:
    cases = tuple(cases)
    splits = "blocks split by seed 0" if split_file is None else f"split of {Path(split_file).name}"
    parts = [f"no patient ids exist: blocks of {BLOCK} neighbouring numbers stand in for patients", splits]
    conflicts = len(conflicting(cases))
    if conflicts:
        parts.append(f"{conflicts} tagged {CONFLICT}: table, folder and drawings disagree, the majority decides")
    return "; ".join([*parts, *duplicates_note(cases), *reversed_note(cases)])
