"""The films of a manifest, decoded once: whether each is what the manifest says, and what it shows."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workbench.core.case import Case
from workbench.core.errors import ManifestError, ReaderError
from workbench.core.files import sha256_of
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.checking.findings import Finding
from workbench.imaging.fingerprints import Fingerprint, fingerprint
from workbench.imaging.pixels import read_radiograph

MOST_READERS = 8


@dataclass(frozen=True)
class SeenFilm:
    """What a film was found to be: the SHA-256 of its bytes, its upright size, and its picture."""

    sha256: str
    width: int
    height: int
    picture: Fingerprint


@dataclass(frozen=True)
class Unseen:
    """A film that could not be read: the kind of finding, and why."""

    kind: str
    words: str


def seen_films(manifest: Manifest, progress: Progress | None = None) -> dict[str, SeenFilm | Unseen]:
    """Read every film once, whatever cases show it; by path."""
    first = list({case.image: case for case in manifest}.values())
    seen: dict[str, SeenFilm | Unseen] = {}
    pool = ThreadPoolExecutor(min(MOST_READERS, os.cpu_count() or 1))
    try:
        for case, film in zip(first, pool.map(lambda case: _seen(manifest, case), first), strict=True):
            seen[case.image] = film
            if progress is not None:
                progress(len(seen), len(first))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for the films that nobody will see
    return seen


def film_findings(case: Case, film: SeenFilm | Unseen) -> Iterator[Finding]:
    """Yield where a film is not what its row says, and its annotations that do not fit it."""

    def error(kind: str, words: str) -> Finding:
        return Finding("error", kind, (case.case_id,), f"{case.image}: {words}")

    width, height = case.width, case.height
    if isinstance(film, Unseen):
        yield error(film.kind, film.words)
    else:
        if case.width and case.height and (case.width, case.height) != (film.width, film.height):
            yield error("wrong-size", f"{film.width} x {film.height}; the manifest says {case.width} x {case.height}")
        if case.sha256 and case.sha256 != film.sha256:
            yield error("changed-film", f"sha256 {film.sha256[:12]}...; the manifest says {case.sha256[:12]}...")
        width, height = film.width, film.height
    if width and height:
        for kind, words in _misplaced(case, width, height):
            yield error(kind, words)


def unverifiable(manifest: Manifest) -> Iterator[Finding]:
    """Yield what the manifest does not say, so that a change of the films could not be noticed."""
    for kind, what, absent in (
        ("no-sha256", "sha256", [case.case_id for case in manifest if not case.sha256]),
        ("no-size", "width and height", [case.case_id for case in manifest if not (case.width and case.height)]),
    ):
        if absent:
            yield Finding("information", kind, tuple(absent), f"{len(absent)} films without {what}: not compared")


def _seen(manifest: Manifest, case: Case) -> SeenFilm | Unseen:
    try:
        path = manifest.path(case)
        if not path.exists():
            return Unseen("missing-file", f"no such file in {manifest.root}")
        film = read_radiograph(path)
        return SeenFilm(sha256_of(path), film.width, film.height, fingerprint(film.pixels))
    except ReaderError as error:
        return Unseen("unreadable-film", str(error).rpartition(f"{case.image}: ")[2])
    except OSError as error:
        return Unseen("unreadable-film", " ".join(str(error).split()))


def _misplaced(case: Case, width: int, height: int) -> Iterator[tuple[str, str]]:
    for annotation in case.annotations:
        left, top, right, bottom = annotation.box
        if left < 0 or top < 0 or right > width or bottom > height:
            words = f"box {annotation.box} of a {annotation.category!r} leaves the film of {width} x {height}"
            yield "annotation-outside", words
            continue
        try:
            if not annotation.mask(height, width).any():
                yield "bad-mask", f"the mask of a {annotation.category!r} covers no pixel"
        except ManifestError as error:
            yield "bad-mask", str(error)
