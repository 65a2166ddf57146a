"""MURA-v1.1 (Rajpurkar et al., arXiv:1712.06957) as Stanford ships it: seven parts of the arm, labels of studies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.importers.conflicts import CONFLICT, conflict_tags, conflicting
from workbench.data.importers.duplicates import duplicates_note, tag_duplicates
from workbench.data.importers.files import FilmFile, listed_files, read_film_files, reversed_note, unique_cases
from workbench.data.importers.tables import read_table

FOLDER = "MURA-v1.1"
SPLITS = ("train", "valid")
IMAGES = "{split}_image_paths.csv"
STUDIES = "{split}_labeled_studies.csv"
TABLES = tuple(table.format(split=split) for split in SPLITS for table in (IMAGES, STUDIES))
CLASS_NAMES = ("normal", "abnormal")
SOURCE = (
    "Rajpurkar et al., MURA: Large Dataset for Abnormality Detection in Musculoskeletal Radiographs, arXiv:1712.06957"
)
LICENCE = "Stanford's MURA research use agreement: not to be redistributed"

_EXAMPLE = f"{FOLDER}/train/XR_WRIST/patient00001/study1_positive/image1.png"
_PATH = re.compile(
    r"(?:MURA-v1\.\d/)?(?P<image>(?P<split>train|valid)/XR_(?P<body_part>[A-Z]+)/(?P<patient_id>patient\d{1,9})"
    r"/(?P<study>study\d{1,9})_(?P<said>positive|negative)/(?P<name>[^/]*))"
)


@dataclass(frozen=True)
class _Place:
    """What the path of a film, or of a study's folder, says."""

    image: str
    split: str
    body_part: str
    patient_id: str
    study_id: str
    case_id: str
    abnormal: bool


def import_mura(root: str | Path, *, progress: Progress | None = None) -> Manifest:
    """Read MURA-v1.1 in its own layout, with its CSV files or, split by split, without them.

    Every film carries the label of its study: what ``*_labeled_studies.csv`` says, else the name of its folder; where
    the two disagree the film is tagged ``label-conflict`` and ``disagrees:folder``. Films with reversed grey scale are
    tagged ``reversed-grey``, those with the pixels of an earlier one ``duplicate-of:``. A patient has one id over all
    body parts; a study's id is made of patient, body part and number.

    Parameters
    ----------
    root
        The folder ``MURA-v1.1`` with ``train`` and ``valid``, or the one that holds it.
    progress
        Told after each film.

    Returns
    -------
    Manifest
        Its root is the folder that holds ``train`` and ``valid``, its splits are the published ones. ``skipped`` lists
        unreadable films, films that a CSV names and that are missing, films that no CSV names, bad lines. ``note``
        counts what systems left behind (``._*``, ``.DS_Store``).

    Raises
    ------
    ManifestError
        The folder is not MURA, a CSV cannot be used as a whole, or no film can be read.
    """
    base = _base_of(Path(root))
    files, hidden = listed_files(base)
    named, skipped = _named_films(base, files)
    said, more = _said_of_studies(base, {place.study_id for place in named})
    there = set(files)
    wanted = sorted((place for place in named if place.image in there), key=lambda place: place.image)
    films, unreadable = read_film_files(base, [place.image for place in wanted], progress=progress)
    labels = {place.study_id: place.abnormal for place in reversed(wanted)} | said  # the first folder of a study counts
    usable = [place for place in wanted if place.image in films]
    cases, twice = unique_cases(base, (_case(place, films[place.image], labels, said) for place in usable))
    if not cases:
        reason = f"; first skipped: {[*skipped, *unreadable][0]}" if skipped or unreadable else ""
        raise ManifestError(f"{base}: no film of MURA can be read{reason}")
    tagged = tag_duplicates(cases, {image: film.pixels_sha256 for image, film in films.items()})
    return Manifest(
        name="mura",
        class_names=CLASS_NAMES,
        positive=("abnormal",),
        root=base,
        cases=tagged,
        source=SOURCE,
        licence=LICENCE,
        note=_note(base, tagged, said, hidden),
        skipped=(*skipped, *more, *unreadable, *twice),
    )


def _base_of(root: Path) -> Path:
    """Return the folder that holds ``train`` and ``valid``, whether it was given or its parent."""
    for base in (root, root / FOLDER):
        if any((base / split).is_dir() for split in SPLITS):
            return base
    raise ManifestError(f"{root}: not MURA; wanted the folder {FOLDER} that holds train and valid, or its parent")


def _place(path: str) -> _Place | None:
    """Return what the path of a film says, or with nothing after the last slash that of a study; None for others."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    part = match["body_part"].lower()
    study_id = f"{match['patient_id']}-{part}-{match['study']}"
    case_id = f"{study_id}-{PurePosixPath(match['name']).stem}"
    abnormal = match["said"] == "positive"
    return _Place(match["image"], match["split"], part, match["patient_id"], study_id, case_id, abnormal)


def _named_films(base: Path, files: Sequence[str]) -> tuple[list[_Place], list[Skipped]]:
    """Return every film that counts, there or missing, and what is there or named and does not count."""
    strangers = [each for each in files if each.partition("/")[0] not in SPLITS and each not in TABLES]
    skipped = [Skipped(f"{base / each}", f"in neither of {', '.join(SPLITS)}") for each in strangers]
    named: list[_Place] = []
    for split in SPLITS:
        there = [each for each in files if each.startswith(f"{split}/")]
        path = base / IMAGES.format(split=split)
        places, others = _films_of_table(path, split, there) if path.exists() else _films_of_folder(base, there)
        named += places
        skipped += others
    return named, skipped


def _films_of_table(path: Path, split: str, there: Sequence[str]) -> tuple[list[_Place], list[Skipped]]:
    rows, skipped = read_table(path, ("image",), columns=("image",))
    named: dict[str, _Place] = {}
    missing: list[Skipped] = []
    present = set(there)
    for row in rows:
        place = _place(row["image"])
        if place is None or place.split != split:
            skipped.append(Skipped(row.place, f"{row['image']!r} is not a film of {split} such as {_EXAMPLE}"))
            continue
        named[place.image] = place
        if place.image not in present:
            missing.append(Skipped(f"{row.place}: {place.image}", f"missing from {path.parent}"))
    strangers = [image for image in there if image not in named]
    unnamed = [Skipped(f"{path.parent / image}", f"{path.name} does not name it") for image in strangers]
    return list(named.values()), [*skipped, *missing, *unnamed]


def _films_of_folder(base: Path, there: Sequence[str]) -> tuple[list[_Place], list[Skipped]]:
    places = {image: _place(image) for image in there}
    strangers = [image for image, place in places.items() if place is None]
    skipped = [Skipped(f"{base / image}", f"its path is not one such as {_EXAMPLE}") for image in strangers]
    return [place for place in places.values() if place is not None], skipped


def _said_of_studies(base: Path, named: set[str]) -> tuple[dict[str, bool], list[Skipped]]:
    """Return which studies the tables call abnormal, and the lines that cannot be used."""
    said: dict[str, bool] = {}
    skipped: list[Skipped] = []
    for path in (base / STUDIES.format(split=split) for split in SPLITS):
        if not path.exists():
            continue
        rows, bad = read_table(path, ("study", "label"), columns=("study", "label"))
        skipped += bad
        for row in rows:
            place = _place(row["study"].rstrip("/") + "/")
            if place is None or row["label"] not in ("0", "1"):
                example = f"{_EXAMPLE.rpartition('/')[0]}/,1"
                skipped.append(Skipped(row.place, f"{row['study']},{row['label']} is not a line such as {example}"))
            elif place.study_id not in named:
                skipped.append(Skipped(row.place, f"no film of {row['study']} is named or there"))
            elif said.setdefault(place.study_id, row["label"] == "1") != (row["label"] == "1"):
                skipped.append(Skipped(row.place, f"an earlier line gives {place.study_id} the other label"))
    return said, skipped


def _case(place: _Place, film: FilmFile, labels: Mapping[str, bool], said: Mapping[str, bool]) -> Case:
    abnormal = labels[place.study_id]
    witnesses = {"table": said.get(place.study_id, abnormal), "folder": place.abnormal}
    return Case(
        case_id=place.case_id,
        patient_id=place.patient_id,
        study_id=place.study_id,
        image=place.image,
        sha256=film.sha256,
        width=film.width,
        height=film.height,
        label=CLASS_NAMES[abnormal],
        split=place.split,
        body_part=place.body_part,
        tags=(*film.tags, *conflict_tags(abnormal, witnesses)),
    )


def _note(base: Path, cases: Sequence[Case], said: Mapping[str, bool], hidden: int) -> str:
    conflicts = {case.study_id for case, _ in conflicting(cases)}
    unsaid = {case.study_id for case in cases} - said.keys()
    patients = [{case.patient_id for case in cases if case.split == split} for split in SPLITS]
    absent = [name for name in TABLES if not (base / name).exists()]
    facts = {
        "the published split": 1,
        f"{', '.join(absent)} absent: folders speak instead": len(absent),
        f"{len(unsaid)} studies labelled by their folder alone": len(unsaid),
        f"{len(conflicts)} studies tagged {CONFLICT}: table and folder disagree, the table decides": len(conflicts),
        f"{len(set.intersection(*patients))} patients in both splits": len(set.intersection(*patients)),
        f"{hidden} files left by systems (._*, .DS_Store) ignored": hidden,
    }
    return "; ".join(
        [*(fact for fact, count in facts.items() if count), *duplicates_note(cases), *reversed_note(cases)]
    )
