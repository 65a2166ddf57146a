"""The same picture more than once: equal bytes, equal pixels, or nearly so."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.data.checking.films import SeenFilm
from workbench.data.checking.findings import Finding, named
from workbench.data.checking.splits import Parts, films_of, parts_of
from workbench.imaging.fingerprints import near_duplicates

_SAME = {
    "byte-equal": "are the same file",
    "pixel-equal": "have the same pixels in other bytes",
    "near-duplicate": "show one picture",
}


def copy_findings(manifest: Manifest, films: Mapping[str, SeenFilm], parts: Parts) -> Iterator[Finding]:
    """Yield the groups of cases that show the same picture, each under the strictest sense in which it does.

    Twins are meant to be alike and count as one. A group in two parts of the data is an error, in one part information;
    with two labels it is at least a warning. Cases whose film was not read are left out.
    """
    cases = [case for case in manifest if case.image in films]
    family = _twin_families(cases)
    by_pixels = films_of(cases, lambda case: films[case.image].picture.pixels_sha256)
    for group in films_of(cases, lambda case: films[case.image].sha256).values():
        yield from _finding("byte-equal", group, family, parts)
    for group in by_pixels.values():
        files = films_of(group, lambda case: films[case.image].sha256)
        if len(files) > 1:
            yield from _finding("pixel-equal", [case for each in files.values() for case in each], family, parts)
    for group, words in _near_groups(by_pixels, films):
        yield from _finding("near-duplicate", group, family, parts, words)


def _near_groups(
    by_pixels: Mapping[str, list[Case]], films: Mapping[str, SeenFilm]
) -> Iterator[tuple[list[Case], str]]:
    """Yield the cases of different pictures that show the same, and how sure that is."""
    pictures = list(by_pixels.values())
    if not pictures:
        return
    pairs = near_duplicates(np.stack([films[cases[0].image].picture.thumbnail for cases in pictures]))
    group_of = _components(len(pictures), [(pair.first, pair.second) for pair in pairs])
    for group in sorted({int(group_of[pair.first]) for pair in pairs}):
        links = [pair for pair in pairs if group_of[pair.first] == group]
        alike = f"correlation {min(link.similarity for link in links):.2f}"
        mirrored = ", mirrored" if any(link.mirrored for link in links) else ""
        yield [case for index in np.flatnonzero(group_of == group) for case in pictures[index]], f"{alike}{mirrored}"


def _finding(
    kind: str, cases: list[Case], family: Mapping[str, int], parts: Parts, more: str = ""
) -> Iterator[Finding]:
    if len({family[case.case_id] for case in cases}) < 2:  # one film, or twins of one
        return
    places = parts_of(cases, parts)
    labels = sorted({case.label for case in cases if case.label})
    severity = "error" if len(places) > 1 else "warning" if len(labels) > 1 else "information"
    words = f"{named([case.case_id for case in cases])} {_SAME[kind]}"
    notes = [more] if more else []
    if len(places) > 1:
        notes.append(f"in {' and '.join(places)}")
    if len(labels) > 1:
        notes.append(f"labelled {' and '.join(labels)}")
    kind = f"{kind}-across-splits" if len(places) > 1 else kind
    yield Finding(severity, kind, tuple(case.case_id for case in cases), "; ".join([words, *notes]))


def _twin_families(cases: list[Case]) -> dict[str, int]:
    """Return a number for each case that it shares with its twins, and theirs."""
    index = {case.case_id: place for place, case in enumerate(cases)}
    links = [(index[case.case_id], index[twin]) for case in cases for twin in case.twins if twin in index]
    numbers = _components(len(cases), links)
    return {case_id: int(numbers[place]) for case_id, place in index.items()}


def _components(count: int, links: Iterable[tuple[int, int]]) -> np.ndarray:
    ends = np.array(list(links), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends), dtype=bool), (ends[:, 0], ends[:, 1])), shape=(count, count))
    numbers: np.ndarray = connected_components(graph, directed=False)[1]
    return numbers
