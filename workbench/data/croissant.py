"""A manifest described for other tools: Croissant 1.1, the vocabulary of MLCommons for data sets, as JSON-LD."""

import os
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path, PurePosixPath

from workbench.core.arrays import Json
from workbench.core.errors import OptionError
from workbench.core.files import project_path, sha256_of, write_json
from workbench.core.manifest import COLUMNS, Manifest

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
SPDX = {
    "apache 2.0": "Apache-2.0",
    "cc by 4.0": "CC-BY-4.0",
    "cc by nc 4.0": "CC-BY-NC-4.0",
    "cc by nc sa 4.0": "CC-BY-NC-SA-4.0",
    "cc by sa 4.0": "CC-BY-SA-4.0",
    "cc0": "CC0-1.0",
    "cc0 1.0": "CC0-1.0",
    "mit": "MIT",
}
"""The SPDX identifier of licences by their name in lower case, words apart."""

ENCODINGS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".dcm": "application/dicom"}
LISTS = ("tags", "twins")
NUMBERS = {"width": "sc:Integer", "height": "sc:Integer", "spacing_mm": "sc:Float"}
MEANINGS = {
    "case_id": "Name of the film, unique in the manifest.",
    "patient_id": "Pseudonym of the patient; whole patients go to one split.",
    "study_id": "Examination that the film belongs to.",
    "image": "Path of the film from the data set's folder.",
    "sha256": "SHA-256 of the film's bytes.",
    "width": "Columns of the upright film.",
    "height": "Rows of the upright film.",
    "label": "Class of the film; empty where it is not known.",
    "split": "Part of the data that the film belongs to.",
    "view": "Projection.",
    "laterality": "L or R.",
    "body_part": "Part of the body; several are joined by +.",
    "spacing_mm": "Side of a pixel in millimetres, 0 where it is not known.",
    "tags": "What else is known of the film.",
    "twins": "Cases that show the same film with something put in or taken out.",
}
"""What each column of a manifest means."""

_TERMS = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
    *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
"""The context that Croissant 1.1 prescribes."""


def croissant_document(
    manifest: Manifest, manifest_path: str | Path, *, folder: str | Path | None = None, published: str = ""
) -> Json:
    """Return the description of a manifest: its files with SHA-256, its columns with types, where the films lie.

    No row and no film is copied into it; of the content it says the class names, the splits and how many films there
    are. No path of this machine stands in it: where the films do not lie below ``folder``, their patterns start at
    the data set's own folder, and whoever reads it puts the three files there.

    Parameters
    ----------
    manifest
        As read from ``manifest_path``.
    manifest_path
        Its CSV, with annotations beside it where there are any.
    folder
        Where the description will lie, from which the paths of its files start; the manifest's folder by default.
    published
        Day of publication (ISO 8601); without it the year in brackets that ``source`` ends its citation with, if any.

    Returns
    -------
    Json
        JSON-LD. The record set ``cases`` holds the rows, ``films`` the pictures with their labels, ``annotations``
        the boxes of the COCO file, whose masks stand beside them in that file.

    Raises
    ------
    OptionError
        ``published`` is no day.
    OSError
        The CSV cannot be read.
    """
    path = project_path(manifest_path)
    start = Path(folder) if folder is not None else path.parent
    annotations = path.with_suffix(".coco.json")
    has_boxes = annotations.exists()
    tables = [_file("manifest.csv", path, "text/csv", start, "One row a film.")]
    if has_boxes:
        words = "COCO: boxes, and masks as polygons or run lengths, by category."
        tables += [_file(f"{name}.json", annotations, "application/json", start, words) for name in _COCO_TABLES]
    described = _header(manifest, published) | {
        "distribution": [*tables, _film_files(manifest, start)],
        "recordSet": [
            _class_records(manifest),
            *_split_records(manifest),
            _case_records(manifest),
            _film_records(manifest, start),
            *(_annotation_records() if has_boxes else ()),
        ],
    }
    return {key: value for key, value in described.items() if value}


def write_croissant(manifest: Manifest, path: str | Path, manifest_path: str | Path, *, published: str = "") -> None:
    """Write :func:`croissant_document` to ``path``, atomically."""
    path = Path(path)
    write_json(path, croissant_document(manifest, manifest_path, folder=path.parent, published=published))


def licence_url(licence: str) -> str:
    """Return the SPDX page of a licence that is known by its name, else the name as it stands."""
    name = SPDX.get(" ".join(re.split(r"[\s-]+", licence.strip().lower())))
    return f"https://spdx.org/licenses/{name}" if name else licence


def _header(manifest: Manifest, published: str) -> dict[str, Json]:
    doi = re.search(r"\b10\.\d{4,9}/[^\s,;)]+", manifest.source)
    limits = [manifest.note, "For research into classifiers and their explanations; not for diagnosis."]
    counts = {split: sum(case.split == split for case in manifest) for split in sorted({c.split for c in manifest})}
    listed = ", ".join(f"{count} {split or 'without a split'}" for split, count in counts.items())
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": manifest.name,
        "description": f"{len(manifest)} radiographs ({listed}) of the classes {', '.join(manifest.class_names)}.",
        "citeAs": manifest.source,
        "license": licence_url(manifest.licence),
        "url": f"https://doi.org/{doi.group().rstrip('.')}" if doi else "",
        "datePublished": _published(manifest, published),
        "version": f"1.0.0+{manifest.digest[:12]}",
        "rai:dataLimitations": [limit for limit in limits if limit],
    }


def _published(manifest: Manifest, published: str) -> str:
    if published:
        try:
            return date.fromisoformat(published).isoformat()
        except ValueError:
            raise OptionError(f"published {published!r} is not a day such as 2023-08-05") from None
    years = re.findall(r"\(((?:19|20)\d\d)\)", manifest.source)
    return years[-1] if years else ""


def _file(name: str, path: Path, encoding: str, start: Path, words: str) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": path.name,
        "description": words,
        "contentUrl": PurePosixPath(os.path.relpath(path.resolve(), start.resolve())).as_posix(),
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": encoding,
        "sha256": sha256_of(path),
    }


def _film_files(manifest: Manifest, start: Path) -> Json:
    images = [PurePosixPath(case.image) for case in manifest]
    return {
        "@type": "cr:FileSet",
        "@id": "film-files",
        "name": "films",
        "description": "The films; paths start at the data set's folder.",
        "encodingFormat": sorted({ENCODINGS.get(image.suffix.lower(), "image/*") for image in images}),
        "includes": sorted({_root_from(manifest, start) + _pattern(image) for image in images}),
    }


def _root_from(manifest: Manifest, start: Path) -> str:
    """Return where the films' folder lies below a folder, with a slash; nothing where it lies elsewhere."""
    root, start = manifest.root.resolve(), start.resolve()
    return f"{root.relative_to(start).as_posix()}/" if root != start and root.is_relative_to(start) else ""


def _pattern(image: PurePosixPath) -> str:
    """Return a pattern for all films of the same first folder, depth (up to two) and suffix."""
    if len(image.parts) == 1:
        return f"*{image.suffix}"
    return f"{image.parts[0]}/{'**/' if len(image.parts) > 2 else ''}*{image.suffix}"


def _class_records(manifest: Manifest) -> Json:
    rows = [
        {"classes/name": name, "classes/abnormal": name in manifest.positive, "classes/index": index}
        for index, name in enumerate(manifest.class_names)
    ]
    fields = [
        _field("classes/name", "sc:Text", "Name of the class."),
        _field("classes/abnormal", "sc:Boolean", "Whether films of this class are abnormal."),
        _field("classes/index", "sc:Integer", "Place among the outputs of a model."),
    ]
    return _records("classes", "sc:Enumeration", fields, data=rows)


def _split_records(manifest: Manifest) -> Iterator[Json]:
    names = sorted({case.split for case in manifest if case.split})
    if names:
        fields = [_field("splits/name", "sc:Text", "Name of the split.")]
        yield _records("splits", "cr:Split", fields, data=[{"splits/name": name} for name in names])


def _case_records(manifest: Manifest) -> Json:
    columns = _columns(manifest)
    fields = [_column_field(f"cases/{column}", column) for column in columns]
    references = {"label": "classes/name"} | ({"split": "splits/name"} if any(c.split for c in manifest) else {})
    for column, field in zip(columns, fields, strict=True):
        if column in references:
            field["references"] = {"field": {"@id": references[column]}}
    return _records("cases", "", fields)


def _columns(manifest: Manifest) -> list[str]:
    """Return the columns that hold anything; readers take an empty one for numbers."""
    return [column for column in COLUMNS if any(getattr(case, column) for case in manifest)]


def _film_records(manifest: Manifest, start: Path) -> Json:
    path = _field("films/image", "sc:Text", MEANINGS["image"])
    path["source"] = {"fileSet": {"@id": "film-files"}, "extract": {"fileProperty": "fullpath"}}
    prefix = _root_from(manifest, start)
    if prefix:
        path["source"]["transform"] = {"regex": f"^(?:{re.escape(prefix)})?(.*)$"}  # readers apply it twice
    path["references"] = {"fileObject": {"@id": "manifest.csv"}, "extract": {"column": "image"}}
    picture = _field("films/picture", "sc:ImageObject", "The film.")
    picture["source"] = {"fileSet": {"@id": "film-files"}, "extract": {"fileProperty": "content"}}
    known = [column for column in ("case_id", "label", "split") if column in _columns(manifest)]
    return _records("films", "", [path, picture, *(_column_field(f"films/{column}", column) for column in known)])


_COCO_TABLES = {
    "annotations": {
        "id": ("sc:Integer", "Number of the annotation."),
        "image_id": ("sc:Integer", "Number of the film among the annotated ones."),
        "category_id": ("sc:Integer", "Number of the category."),
        "bbox": ("cr:BoundingBox", "Left, top, width, height in pixels of the film."),
        "source": ("sc:Text", "Who says so: given, detected or reviewed."),
    },
    "images": {
        "id": ("sc:Integer", "Number of the film among the annotated ones."),
        "file_name": ("sc:Text", MEANINGS["image"]),
    },
    "categories": {
        "id": ("sc:Integer", "Number of the category."),
        "name": ("sc:Text", "What lies there: fracture, flag, hardware ..."),
    },
}
"""The three lists of a COCO file; readers want a file object for each."""


def _annotation_records() -> Iterator[Json]:
    references = {"image_id": "images/id", "category_id": "categories/id"}
    for name, columns in reversed(_COCO_TABLES.items()):
        fields = []
        for column, (kind, words) in columns.items():
            field = _field(f"{name}/{column}", kind, words)
            extract = {"jsonPath": f"$.{name}[*].{column}"}
            field["source"] = {"fileObject": {"@id": f"{name}.json"}, "extract": extract}
            if name == "annotations" and column in references:
                field["references"] = {"field": {"@id": references[column]}}
            fields.append(field)
        yield _records(name, "", fields)


def _column_field(name: str, column: str) -> Json:
    field = _field(name, NUMBERS.get(column, "sc:Text"), MEANINGS[column])
    field["source"] = {"fileObject": {"@id": "manifest.csv"}, "extract": {"column": column}}
    if column in LISTS:
        field |= {"isArray": True, "arrayShape": "-1"}
        field["source"]["transform"] = {"separator": ";"}
    return field


def _field(name: str, kind: str, words: str) -> dict[str, Json]:
    return {"@type": "cr:Field", "@id": name, "name": name, "dataType": kind, "description": words}


def _records(name: str, kind: str, fields: Sequence[Json], data: Sequence[Json] = ()) -> Json:
    known = {"dataType": kind, "key": {"@id": fields[0]["@id"]}, "field": list(fields), "data": list(data)}
    return {"@type": "cr:RecordSet", "@id": name, "name": name} | {key: value for key, value in known.items() if value}
