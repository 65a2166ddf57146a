"""A data set as a list of cases: one CSV row a case, a TOML header, and COCO annotations beside it."""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, overload

from workbench.core.annotation import Annotation
from workbench.core.case import Case, Study
from workbench.core.coco import annotations_by_image, coco_document
from workbench.core.errors import ManifestError, ReaderError, Skipped
from workbench.core.files import digest_of, path_inside, project_path, read_json, write_json, write_text
from workbench.core.rows import csv_text, numbered_rows
from workbench.core.skipped import skipped_path, write_skipped

COLUMNS = tuple(each.name for each in fields(Case) if each.name != "annotations")
REQUIRED = ("case_id", "patient_id", "study_id", "image")
HEADER_KEYS = {
    "name": "a text",
    "class_names": "a list of texts",
    "positive": "a list of texts",
    "source": "a text",
    "licence": "a text",
    "note": "a text",
    "options": "a table",
    "counts": "a table",
}
"""What a header may hold, and of which kind; the first three it must."""


@dataclass(frozen=True)
class Manifest:
    """Cases of one data set, with the root that their image paths start from.

    Slicing, :meth:`split` and :meth:`where` give manifests again, so the root is never lost.

    Parameters
    ----------
    class_names
        All classes, in the order of the model's outputs.
    positive
        The abnormal ones among them.
    root
        The folder that the image paths start from.
    options
        How a drawn data set was made; empty for a collected one.
    counts
        How many of what in which split, as a drawn data set's header says before a film is drawn.
    skipped
        What an importer found but could not use, or the rows of the CSV that could not be read: place and reason.
    """

    name: str
    class_names: tuple[str, ...]
    positive: tuple[str, ...]
    root: Path
    cases: tuple[Case, ...] = ()
    source: str = ""
    licence: str = ""
    note: str = ""
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    counts: dict[str, Any] = field(default_factory=dict, hash=False)
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        for name in self.positive:
            if name not in self.class_names:
                raise ManifestError(f"{self.name}: positive class {name!r} is not one of {', '.join(self.class_names)}")
        if len(set(self.class_names)) != len(self.class_names):
            raise ManifestError(f"{self.name}: a class occurs twice among {', '.join(self.class_names)}")
        if len({case.case_id for case in self.cases}) != len(self.cases):
            raise ManifestError(f"{self.name}: a case_id occurs twice")

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> "Manifest": ...
    def __getitem__(self, index: int | slice) -> "Case | Manifest":
        if isinstance(index, slice):
            return replace(self, cases=self.cases[index])
        return self.cases[index]

    def split(self, *names: str) -> "Manifest":
        """Return the cases of one or several splits; a ManifestError where no case has one of them."""
        present = sorted({case.split for case in self.cases})
        for name in names:
            if name not in present:
                raise ManifestError(f"{self.name} has no split {name!r}; it has {', '.join(present) or 'none'}")
        return replace(self, cases=tuple(case for case in self.cases if case.split in names))

    def select(self, case_ids: Iterable[str]) -> "Manifest":
        """Return the named cases in the order given; a ManifestError where one of them is not here."""
        by_id = {case.case_id: case for case in self.cases}
        wanted = list(case_ids)
        unknown = [case_id for case_id in wanted if case_id not in by_id]
        if unknown:
            raise ManifestError(f"{self.name} has no case {unknown[0]!r} ({len(unknown)} of {len(wanted)} are unknown)")
        return replace(self, cases=tuple(by_id[case_id] for case_id in wanted))

    def where(self, cases: Iterable[Case]) -> "Manifest":
        """Return a manifest of these cases with this one's root and classes."""
        return replace(self, cases=tuple(cases))

    def studies(self) -> tuple[Study, ...]:
        """Return the examinations, in the order of their first case."""
        groups: dict[str, list[Case]] = {}
        for case in self.cases:
            groups.setdefault(case.study_id, []).append(case)
        return tuple(Study(study_id, tuple(cases)) for study_id, cases in groups.items())

    def path(self, case: Case) -> Path:
        """Return where the film of a case lies; it never leaves the root."""
        return path_inside(self.root, case.image)

    def class_index(self, case: Case) -> int:
        """Return the index of a case's label among the class names, -1 where it has none."""
        return -1 if case.label is None else self.class_names.index(case.label)

    @property
    def digest(self) -> str:
        """SHA-256 over classes and cases (not the root): the same data set gives the same digest."""
        rows = [
            [*_row(case).values(), [[each.category, each.box, each.segmentation] for each in case.annotations]]
            for case in self
        ]
        return digest_of([self.name, self.class_names, self.positive, rows])

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a case."""
        import pandas as pd

        rows = [_row(case) | {"categories": " ".join(sorted({a.category for a in case.annotations}))} for case in self]
        return pd.DataFrame(rows, columns=[*COLUMNS, "categories"])


def read_manifest(path: str | Path, root: str | Path | None = None) -> Manifest:
    """Read ``NAME.csv`` with its header ``NAME.toml`` and, if there, its annotations ``NAME.coco.json``.

    Parameters
    ----------
    path
        The CSV.
    root
        Folder that the image paths start from; without it ``$WORKBENCH_DATA/NAME``, else the header's folder's
        sibling ``data/NAME``.

    Returns
    -------
    Manifest
        Rows that cannot be used stand in ``skipped`` with file, line and reason.

    Raises
    ------
    ManifestError
        No such file, no header, unknown or missing columns, no usable row, or a drawn data set that is not drawn yet.
    """
    path = project_path(path)
    header = _read_header(path.with_suffix(".toml"))
    if "counts" in header and not path.exists():
        name, films = header["name"], Path(root) if root else data_root(path, header["name"])
        raise ManifestError(f"{path}: not drawn yet; draw it with `workbench phantom {films} --set {name} --to {path}`")
    cases, skipped = _read_rows(path, tuple(header["class_names"]))
    if not cases:
        reason = f"; first: {skipped[0]}" if skipped else ""
        raise ManifestError(f"{path}: no usable row ({len(skipped)} skipped{reason})")
    annotations_path = path.with_suffix(".coco.json")
    if annotations_path.exists():
        cases, unmatched = _with_annotations(cases, annotations_path)
        skipped += unmatched
    return Manifest(
        name=header["name"],
        class_names=tuple(header["class_names"]),
        positive=tuple(header["positive"]),
        root=Path(root) if root else data_root(path, header["name"]),
        cases=tuple(cases),
        source=header.get("source", ""),
        licence=header.get("licence", ""),
        note=header.get("note", ""),
        options=header.get("options", {}),
        counts=header.get("counts", {}),
        skipped=tuple(skipped),
    )


def write_manifest(manifest: Manifest, path: str | Path) -> None:
    """Write ``NAME.csv``, ``NAME.toml`` and, where they say anything, ``NAME.coco.json`` and ``NAME.skipped.csv``."""
    path = Path(path)
    write_text(path, csv_text([COLUMNS, *(tuple(_row(case).values()) for case in manifest)]))
    annotations_path = path.with_suffix(".coco.json")
    if any(case.annotations for case in manifest):
        write_json(annotations_path, coco_document(manifest.cases))
    else:
        annotations_path.unlink(missing_ok=True)
    write_skipped(skipped_path(path), manifest.skipped)
    write_header(manifest, path)


def write_header(manifest: Manifest, path: str | Path) -> None:
    """Write ``NAME.toml`` alone: all that is known of a data set before its films are there."""
    write_text(Path(path).with_suffix(".toml"), _header_text(manifest))


def data_root(path: Path, name: str) -> Path:
    """Return where the films of a manifest lie when nobody says: ``$WORKBENCH_DATA/NAME``, else ``data/NAME``."""
    shelf = os.environ.get("WORKBENCH_DATA")
    return Path(shelf) / name if shelf else path.resolve().parent.parent / "data" / name


def _row(case: Case) -> dict[str, Any]:
    row = {column: getattr(case, column) for column in COLUMNS} | {"spacing_mm": float(case.spacing_mm)}
    return row | {"label": case.label or "", "tags": ";".join(case.tags), "twins": ";".join(case.twins)}


def _header_text(manifest: Manifest) -> str:
    lines = [f"{key} = {_toml(getattr(manifest, key))}" for key in ("name", "class_names", "positive")]
    lines += [f"{key} = {_toml(getattr(manifest, key))}" for key in ("source", "licence", "note")]
    for name, table in (("options", manifest.options), ("counts", manifest.counts)):
        if table:
            lines += ["", f"[{name}]", *(f"{_toml_key(key)} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Write text, booleans, numbers, and lists and tables of them, which is all a header holds."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's too


def _toml_key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _toml(key)


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: the header is missing; it names name, class_names, positive") from None
    except (OSError, ValueError, RecursionError) as error:  # not UTF-8, not TOML, huge numbers, nested too deeply
        raise ManifestError(f"{path}: not readable as TOML ({error})") from error
    for key in ("name", "class_names", "positive"):
        if key not in header:
            raise ManifestError(f"{path}: {key} is missing")
    for key, value in header.items():
        if key not in HEADER_KEYS:
            raise ManifestError(f"{path}: unknown key {key!r}; known: {', '.join(HEADER_KEYS)}")
        if not _is_kind(value, HEADER_KEYS[key]):
            raise ManifestError(f"{path}: {key} is {value!r}; wanted {HEADER_KEYS[key]}")
    if header["name"] in ("", ".", "..") or {"/", "\\"} & set(header["name"]):  # it names the folder of the films
        raise ManifestError(f"{path}: name {header['name']!r} is not the name of a folder")
    return header


def _is_kind(value: Any, kind: str) -> bool:
    if kind == "a list of texts":
        return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each for each in value)
    return isinstance(value, dict if kind == "a table" else str)


def _read_rows(path: Path, class_names: tuple[str, ...]) -> tuple[list[Case], list[Skipped]]:
    cases: list[Case] = []
    skipped: list[Skipped] = []
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = numbered_rows(file)
            columns = _checked_columns(path, next(rows, (1, []))[1])
            for line, values in rows:
                try:
                    case = _case_from_row(columns, values, class_names)
                    if case.case_id in seen:
                        raise ManifestError(f"case_id {case.case_id!r} occurs twice")
                except ManifestError as error:
                    skipped.append(Skipped(f"{path}:{line}", str(error)))
                    continue
                seen.add(case.case_id)
                cases.append(case)
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not readable as CSV ({error})") from error
    return cases, skipped


def _checked_columns(path: Path, columns: list[str] | str) -> list[str]:
    if isinstance(columns, str):
        raise ManifestError(f"{path}:1: {columns}")
    for column in columns:
        if column not in COLUMNS:
            raise ManifestError(f"{path}:1: unknown column {column!r}; known: {', '.join(COLUMNS)}")
    for column in REQUIRED:
        if column not in columns:
            raise ManifestError(f"{path}:1: column {column!r} is missing")
    if len(set(columns)) != len(columns):
        raise ManifestError(f"{path}:1: a column occurs twice")
    return columns


def _case_from_row(columns: list[str], values: list[str] | str, class_names: tuple[str, ...]) -> Case:
    if isinstance(values, str):
        raise ManifestError(values)
    if len(values) != len(columns):
        raise ManifestError(f"{len(values)} values for {len(columns)} columns")
    row = dict(zip(columns, values, strict=True))
    for column in REQUIRED:
        if not row[column]:
            raise ManifestError(f"{column} is empty")
    label = row.get("label") or None
    if label is not None and label not in class_names:
        raise ManifestError(f"label {label!r} is not one of {', '.join(class_names)}")
    image = row["image"]
    if image.startswith(("/", "\\")) or ".." in image.split("/") or ":" in image or "\0" in image:
        raise ManifestError(f"image {image!r} is not a path inside the data set")
    numbers = {key: _number(row, key, kind) for key, kind in (("width", int), ("height", int), ("spacing_mm", float))}
    lists = {key: tuple(part for part in row.get(key, "").split(";") if part) for key in ("tags", "twins")}
    texts = {key: row.get(key, "") for key in ("sha256", "split", "view", "laterality", "body_part")}
    values_by_name: dict[str, Any] = {key: row[key] for key in REQUIRED} | {"label": label} | texts | numbers | lists
    return Case(**values_by_name)


def _number(row: dict[str, str], column: str, kind: type) -> Any:
    text = row.get(column, "") or "0"
    try:
        number = kind(text)
    except ValueError:
        raise ManifestError(f"{column} {text!r} is not a number") from None
    if not 0 <= number < 1e9:  # NaN fails too
        raise ManifestError(f"{column} {text!r} is out of range")
    return number


def _with_annotations(cases: list[Case], path: Path) -> tuple[list[Case], list[Skipped]]:
    try:
        by_image: dict[str, list[Annotation]] = annotations_by_image(read_json(path))
    except ReaderError as error:
        raise ManifestError(str(error)) from error
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ManifestError(f"{path}: not COCO annotations ({type(error).__name__}: {error})") from error
    strangers = sorted(by_image.keys() - {case.image for case in cases})
    skipped = [Skipped(str(path), f"annotated image {name!r} is not in the manifest") for name in strangers]
    return [replace(case, annotations=tuple(by_image.get(case.image, ()))) for case in cases], skipped
