"""Explanations on disk: one shard a batch while they are made, in the end one folder a method that is read by mapping.

::

    FOLDER/request.json     what was asked; written first, and compared when the work goes on
    FOLDER/shards/*.npz     one batch each, removed in the end
    FOLDER/grad-cam/*.npy   maps, way back, probabilities and measures of all films; about.json
    FOLDER/about.json       which folder holds which result; written last
    FOLDER/.lock            held by the process that is at work on it
"""

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from workbench.attribution.results import Results
from workbench.core.arrays import Json
from workbench.core.errors import OptionError, ReaderError, RunError, Skipped
from workbench.core.explanation import load_explanation
from workbench.core.files import atomic_path, path_inside, read_json, write_bytes, write_json
from workbench.core.named_arrays import ABOUT_NAME, DAMAGED, ArrayWriter, packed, unpacked
from workbench.runs.locks import file_lock

REQUEST_NAME, SHARDS_NAME, LOCK_NAME = "request.json", "shards", ".lock"
NOTE = "about"
"""Name of the array in a shard that holds JSON as bytes; an array of a result is called ``0/maps``."""


class Shards:
    """Where ``explain(..., out=FOLDER)`` keeps what it made, film by film and safe from interruptions.

    One process at a time: :func:`opened_shards` sees to it.

    Parameters
    ----------
    folder
        New, empty, or of the same request.
    request
        All that decides the maps, as plain JSON.

    Raises
    ------
    OptionError
        The folder holds something else, or explanations of another request.
    ReaderError
        A shard is damaged.
    """

    def __init__(self, folder: str | Path, request: dict[str, Json]) -> None:
        self.folder = Path(folder)
        _check_request(self.folder, request)
        self.finished = (self.folder / ABOUT_NAME).exists()
        notes = [] if self.finished else list(_read_notes(self.folder))
        self._count = len(notes)
        self.done = sum(len(note["case_ids"]) + len(note["skipped"]) for note in notes)
        """Films that are made or skipped: as many as stand before the first that is not."""
        provenances = (note["provenance"] for note in notes if note["provenance"])
        self.provenance: dict[str, dict[str, Any]] = next(provenances, {})
        """Of the first results, by key: what was decided then holds for all."""

    def add(self, results: Results, skipped: tuple[Skipped, ...]) -> None:
        """Write the results of one batch, empty where none of its films could be read."""
        first = next(iter(results.values()), None)
        note: dict[str, Any] = {
            "case_ids": list(first.case_ids) if first else [],
            "skipped": [[each.what, each.reason] for each in skipped],
            "provenance": {key: found.provenance for key, found in results.items()},
            "about": {key: found.about | {"case_ids": [], "provenance": {}} for key, found in results.items()},
        }
        arrays = {NOTE: np.frombuffer(json.dumps(note, allow_nan=False).encode(), dtype=np.uint8)}
        for number, found in enumerate(results.values()):
            arrays |= {f"{number}/{name}": values for name, values in found.arrays.items()}
        write_bytes(_shard_path(self.folder, self._count), packed(arrays, compress=False))
        self._count += 1
        self.done += len(note["case_ids"]) + len(note["skipped"])
        self.provenance = self.provenance or note["provenance"]

    def results(self) -> Results:
        """Join the shards and return the results, mapped from disk; empty where no film could be read."""
        if not self.finished:
            if not self.provenance:
                return {}
            self._join()
        return load_explanations(self.folder)

    def skipped(self) -> tuple[Skipped, ...]:
        """Return the films that could not be read so far."""
        return tuple(Skipped(*each) for note in _read_notes(self.folder) for each in note["skipped"])

    def _join(self) -> None:
        notes = list(_read_notes(self.folder))
        case_ids = [each for note in notes for each in note["case_ids"]]
        skipped = [each for note in notes for each in note["skipped"]]
        made = [note for note in notes if note["about"]]
        names = _folder_names(list(made[0]["about"]))
        self._join_arrays(list(names.values()), len(case_ids))
        for key, name in names.items():
            provenance = made[0]["provenance"][key] | _also_made_with([note["provenance"][key] for note in made])
            about = made[0]["about"][key] | {"case_ids": case_ids, "skipped": skipped, "provenance": provenance}
            write_json(self.folder / name / ABOUT_NAME, about)
        write_json(self.folder / ABOUT_NAME, {"results": names})
        self.finished = True
        shutil.rmtree(self.folder / SHARDS_NAME)

    def _join_arrays(self, names: list[str], rows: int) -> None:
        """Append the arrays of every shard to one npy file each; all of them appear at once, or none."""
        writers: dict[str, ArrayWriter] = {}
        with ExitStack() as stack:
            for arrays in _read_shards(self.folder):
                del arrays[NOTE]
                for place, part in arrays.items():
                    if place not in writers:
                        number, _, name = place.partition("/")
                        path = path_inside(self.folder, f"{names[int(number)]}/{name}.npy")
                        file = stack.enter_context(stack.enter_context(atomic_path(path)).open("wb"))
                        writers[place] = ArrayWriter(file, rows)
                    writers[place].add(part)


@contextmanager
def opened_shards(folder: str | Path, request: dict[str, Json]) -> Iterator[Shards]:
    """Open a folder for explanations and keep everybody else out of it, unless they are finished.

    Parameters
    ----------
    folder
        As :class:`Shards` takes it.
    request
        Likewise.

    Yields
    ------
    Shards
        What is there already.

    Raises
    ------
    OptionError
        Another process is at work on the folder, or what :class:`Shards` refuses.
    ReaderError
        A shard is damaged.
    """
    folder = Path(folder)
    _check_new_or_begun(folder)
    with ExitStack() as stack:
        if not (folder / ABOUT_NAME).exists():  # what is finished is only read, perhaps where nobody may write
            folder.mkdir(parents=True, exist_ok=True)
            try:
                stack.enter_context(file_lock(folder / LOCK_NAME))
            except RunError as error:
                raise OptionError(f"out: {error}; give another folder") from error
        yield Shards(folder, request)


def load_explanations(folder: str | Path) -> Results:
    """Return what ``explain(..., out=FOLDER)`` left in a folder; arrays are mapped from disk, read-only.

    Parameters
    ----------
    folder
        Must be finished; call ``explain`` again with the same request where it is not.

    Returns
    -------
    Results
        By label, in the order in which ``explain`` returned them.

    Raises
    ------
    ReaderError
        There is none, it is not finished, or something in it is damaged.
    """
    folder = Path(folder)
    if not (folder / ABOUT_NAME).exists() and (folder / REQUEST_NAME).exists():
        raise ReaderError(f"{folder}: explanations that are not finished; ask for them again to go on")
    about = read_json(folder / ABOUT_NAME)
    try:
        return {key: load_explanation(path_inside(folder, name)) for key, name in about["results"].items()}
    except (AttributeError, *DAMAGED) as error:
        raise ReaderError(f"{folder}: holds no explanations of the workbench ({error})") from error


def _check_new_or_begun(folder: Path) -> None:
    """Refuse with an OptionError a file, and a folder in which something else lies."""
    if (folder / REQUEST_NAME).exists():
        return
    if folder.is_file() or (folder.is_dir() and any(not each.name.startswith(".") for each in folder.iterdir())):
        raise OptionError(f"out: {folder} holds something else; give a new or an empty folder")


def _check_request(folder: Path, request: dict[str, Json]) -> None:
    """Write what is asked into a new folder; in an old one, refuse anything else with an OptionError."""
    path = folder / REQUEST_NAME
    _check_new_or_begun(folder)
    if not path.exists():
        write_json(path, request)
    before = read_json(path)
    now = json.loads(json.dumps(request))
    if not isinstance(before, dict):
        raise OptionError(f"out: {path} is no request of the workbench; give a new or an empty folder")
    for name in dict.fromkeys([*now, *before]):
        if before.get(name) != now.get(name):
            was, wanted = (_short(each.get(name)) for each in (before, now))
            raise OptionError(f"out: {folder} was begun with {name} {was}, asked for {wanted}; give another folder")


def _short(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _shard_path(folder: Path, number: int) -> Path:
    return folder / SHARDS_NAME / f"{number:06d}.npz"


def _read_shards(folder: Path, *names: str) -> Iterator[dict[str, np.ndarray]]:
    """Yield the arrays of each shard in order, or those named; a ReaderError where one is damaged or missing."""
    for number, path in enumerate(sorted((folder / SHARDS_NAME).glob("[0-9]*.npz"))):
        try:
            if path != _shard_path(folder, number):
                raise ValueError(f"{_shard_path(folder, number).name} is missing")
            yield unpacked(path, *names)
        except DAMAGED as error:
            raise ReaderError(f"{path}: not a shard of explanations ({error}); give another folder") from error


def _read_notes(folder: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(arrays[NOTE].tobytes()) for arrays in _read_shards(folder, NOTE))


def _folder_names(keys: list[str]) -> dict[str, str]:
    """Return for each key a name that any file system takes: ``grad-cam [A - B]`` becomes ``grad-cam-A-B``."""
    names: dict[str, str] = {}
    for key in keys:
        short = re.sub(r"[^A-Za-z0-9.+_]+", "-", key).strip("-.") or "method"
        taken = {each.lower() for each in names.values()} | {SHARDS_NAME}
        candidates = (short if count == 1 else f"{short}-{count}" for count in itertools.count(1))
        names[key] = next(each for each in candidates if each.lower() not in taken)
    return names


def _also_made_with(provenances: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what else films were made with, where the work went on with other libraries or on another device."""
    made_with = [{name: each.get(name) for name in ("device", "versions")} for each in provenances]
    others = [each for index, each in enumerate(made_with) if each not in made_with[:index]][1:]
    return {"also_made_with": others} if others else {}
