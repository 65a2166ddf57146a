"""The films of a folder: which files there are, whether each can be read, its size and fingerprint."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.core.case import Case
from workbench.core.errors import ReaderError, Skipped
from workbench.core.files import path_inside, sha256_of
from workbench.core.progress import Progress
from workbench.imaging.fingerprints import fingerprint
from workbench.imaging.pixels import Radiograph, read_radiograph
from workbench.imaging.polarity import is_reversed

MOST_READERS = 8
REVERSED_GREY = "reversed-grey"
"""Tags a film whose bones are dark on a light ground."""

_UNWRITABLE = (":", ";", "\\", "\n", "\r")
"""What a manifest cannot hold in the path of a film."""


@dataclass(frozen=True)
class FilmFile:
    """A film that was decoded to its last row.

    Parameters
    ----------
    image
        Path from the data set's root, with forward slashes.
    sha256
        Of the file's bytes.
    width, height
        Of the upright film.
    pixels_sha256
        Of the upright film as it is seen, whatever its format.
    reversed_grey
        Whether what stops the rays is dark.
    spacing_mm, view, laterality, body_part
        What the file itself tells, as DICOM does; 0 or empty where it does not.
    thumbnail
        Of the upright film, for :func:`workbench.imaging.fingerprints.near_duplicates`.
    """

    image: str
    sha256: str
    width: int
    height: int
    pixels_sha256: str
    reversed_grey: bool = False
    spacing_mm: float = 0.0
    view: str = ""
    laterality: str = ""
    body_part: str = ""
    thumbnail: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def tags(self) -> tuple[str, ...]:
        """Return what the pixels alone tell about the case."""
        return (REVERSED_GREY,) if self.reversed_grey else ()


def visible_files(folder: Path) -> list[str]:
    """List every file below ``folder`` as a path from it, sorted; what systems leave behind (dot files) is left out."""
    return listed_files(folder)[0]


def listed_files(folder: Path) -> tuple[list[str], int]:
    """List every file below ``folder`` as :func:`visible_files` does, and count those left out."""
    every = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    wanted = [path for path in every if not any(part.startswith(".") or part == "__MACOSX" for part in path.parts)]
    return sorted(path.as_posix() for path in wanted), len(every) - len(wanted)


def read_film_files(
    root: Path, images: Sequence[str], *, progress: Progress | None = None
) -> tuple[dict[str, FilmFile], list[Skipped]]:
    """Decode every film to see whether it can be used.

    Parameters
    ----------
    root
        The data set's folder.
    images
        Paths from it.
    progress
        Told after each film.

    Returns
    -------
    tuple of dict and list of Skipped
        The films by path, and why the others cannot be used; both in the order given.
    """
    read: dict[str, FilmFile | Skipped] = {}
    with ThreadPoolExecutor(min(MOST_READERS, os.cpu_count() or 1)) as readers:
        waiting = {readers.submit(_film_file, root, image): image for image in images}
        for done, future in enumerate(as_completed(waiting), start=1):
            read[waiting[future]] = future.result()
            if progress is not None:
                progress(done, len(images))
    in_order = [read[image] for image in images]
    films = {each.image: each for each in in_order if isinstance(each, FilmFile)}
    return films, [each for each in in_order if isinstance(each, Skipped)]


def case_of_film(film: FilmFile, case_id: str, *, label: str | None = None) -> Case:
    """Return the case of a film that is its own study and its own patient, with what its file tells."""
    return Case(
        case_id,
        case_id,
        case_id,
        film.image,
        film.sha256,
        film.width,
        film.height,
        label,
        view=film.view,
        laterality=film.laterality,
        body_part=film.body_part,
        spacing_mm=film.spacing_mm,
        tags=film.tags,
    )


def unique_cases(root: Path, cases: Iterable[Case]) -> tuple[list[Case], list[Skipped]]:
    """Return the cases, and as skipped those whose case_id an earlier one has."""
    first: dict[str, Case] = {}
    twice = [
        Skipped(f"{root / case.image}", f"would be called {case.case_id} as is {first[case.case_id].image}; rename it")
        for case in cases
        if first.setdefault(case.case_id, case) is not case
    ]
    return list(first.values()), twice


def reversed_note(cases: Iterable[Case]) -> list[str]:
    """Return what a manifest's note says of reversed grey scales, nothing where there are none."""
    count = sum(REVERSED_GREY in case.tags for case in cases)
    return [f"{count} tagged {REVERSED_GREY}: dark bones on white, by their look"] if count else []


def _film_file(root: Path, image: str) -> FilmFile | Skipped:
    path = root / image
    printable = os.fsencode(path).decode(errors="replace")
    if printable != str(path) or any(sign in image for sign in _UNWRITABLE):
        return Skipped(
            printable, f"a manifest cannot hold this name; rename it without {' '.join(map(repr, _UNWRITABLE))}"
        )
    try:
        film = read_radiograph(path_inside(root, image))
        picture = fingerprint(film.pixels)
        return FilmFile(
            image,
            sha256_of(path),
            film.width,
            film.height,
            picture.pixels_sha256,
            is_reversed(film.pixels),
            film.spacing_mm,
            **_told(film),
            thumbnail=picture.thumbnail,
        )
    except ReaderError as error:
        return Skipped(printable, str(error).removeprefix(f"{os.path.realpath(path)}: ").removeprefix(f"{image}: "))
    except OSError as error:
        return Skipped(printable, f"not readable ({' '.join(str(error).split())})")


def _told(film: Radiograph) -> dict[str, Any]:
    return {key: film.header.get(key, "") for key in ("view", "laterality", "body_part")}
