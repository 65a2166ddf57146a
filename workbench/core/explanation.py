"""What a method says about a model and a list of cases: signed, raw maps with the way back to the film."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from workbench.core.arrays import Affine, AffineBatch, ClassIndices, FilmPixels, FilmSizes, MapBatch
from workbench.core.errors import ReaderError, Skipped
from workbench.core.geometry import resample, scaling
from workbench.core.named_arrays import DAMAGED, NamedArrays, read_named_arrays, write_packed


@dataclass(frozen=True)
class Explanation:
    """Maps of one method on one model for n cases.

    Maps are signed and raw, the value before a paper's last ReLU; nothing is normalised here.

    Parameters
    ----------
    method
        The label under which ``explain`` returned it.
    case_ids
        n ids.
    targets
        Class index (n) that each map speaks for.
    maps
        (n, h', w') at the layer's own resolution.
    to_film
        (n, 3, 3): from map coordinates to film pixels.
    film_sizes
        (n, 2): height and width of each film.
    probabilities
        (n, k) of the clean pass.
    provenance
        Plain JSON: method, options, layer, score, weights.
    skipped
        Films that could not be read.
    measures
        Name -> (n) numbers that go with the maps: ``completeness_error`` says how far a map is from adding up.
    """

    method: str
    case_ids: tuple[str, ...]
    targets: ClassIndices
    maps: MapBatch
    to_film: AffineBatch
    film_sizes: FilmSizes
    probabilities: np.ndarray
    provenance: dict[str, Any] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    measures: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.case_ids)

    def part(self, start: int, stop: int) -> "Explanation":
        """Return the cases from start up to before stop, no map copied; what was skipped stays with the whole."""
        wanted = slice(start, stop)
        arrays: dict[str, Any] = {name: getattr(self, name)[wanted] for name in ARRAYS}
        measures = {name: values[wanted] for name, values in self.measures.items()}
        return replace(self, case_ids=self.case_ids[wanted], measures=measures, skipped=(), **arrays)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The k classes; ``class 0`` and so on where the provenance does not name them."""
        known = tuple(self.provenance.get("class_names", ()))
        return known or tuple(f"class {index}" for index in range(self.probabilities.shape[1]))

    def on_film(self, index: int) -> FilmPixels:
        """Return one map (h, w) in film pixels: the only way to overlay, box or score it."""
        height, width = self.film_sizes[index]
        return resample(self.maps[index], self.to_film[index], (int(height), int(width)))

    def index(self, case_id: str) -> int:
        """Return the position of a case; a missing one is a ValueError."""
        return self.case_ids.index(case_id)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a case: target, map extremes and mass, and the measures."""
        import pandas as pd

        flat = self.maps.reshape(len(self), -1)
        return pd.DataFrame(
            {
                "case_id": self.case_ids,
                "method": self.method,
                "target": self.targets,
                "minimum": flat.min(axis=1),
                "maximum": flat.max(axis=1),
                "positive_mass": np.clip(flat, 0, None).sum(axis=1),
                **self.measures,
            }
        )

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that has one row a case, by the name under which it is stored."""
        measures = {MEASURE + name: values for name, values in self.measures.items()}
        return {name: getattr(self, name) for name in ARRAYS} | measures

    @property
    def about(self) -> dict[str, Any]:
        """Return the rest as plain JSON."""
        return {"kind": "explanation", **_about(self)}

    def save(self, path: Path) -> None:
        """Write ``path`` (npz, no pickles) and the rest beside it as JSON."""
        write_packed(path, self.about, self.arrays)


ARRAYS = ("targets", "maps", "to_film", "film_sizes", "probabilities")
MEASURE = "measure-"
"""Begins the name of an array that holds a measure."""


@dataclass(frozen=True)
class StageActivations:
    """The most active feature maps of n cases at one stage of a network.

    Parameters
    ----------
    stage
        The layer's name.
    title
        What a figure writes over it.
    maps
        (n, 16, h_s, w_s), fewer where the stage has fewer channels; ordered from most to less active.
    channels
        (n, 16): which channels they are.
    """

    stage: str
    title: str
    maps: np.ndarray
    channels: np.ndarray


@dataclass(frozen=True)
class Activations:
    """Feature maps of n cases, per stage from the first convolution to the last.

    Parameters
    ----------
    to_film
        (n, 3, 3): from the network's input to film pixels.
    film_sizes
        (n, 2): height and width of each film.
    input_size
        Height and width of the network's input.
    """

    method: str
    case_ids: tuple[str, ...]
    stages: tuple[StageActivations, ...]
    to_film: AffineBatch
    film_sizes: FilmSizes
    input_size: tuple[int, int]
    provenance: dict[str, Any] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.case_ids)

    def stage_to_film(self, index: int, stage: int) -> Affine:
        """Return the affine (3, 3) from the coordinates of a stage's maps to film pixels."""
        height, width = self.stages[stage].maps.shape[2:]
        return self.to_film[index] @ scaling(self.input_size[1] / width, self.input_size[0] / height)

    def on_film(self, index: int, stage: int, place: int) -> FilmPixels:
        """Return one feature map (h, w) in film pixels; ``place`` counts from the most active."""
        height, width = self.film_sizes[index]
        values = self.stages[stage].maps[index, place].astype(np.float32)
        return resample(values, self.stage_to_film(index, stage), (int(height), int(width)))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that has one row a case, by the name under which it is stored."""
        named = {"to_film": self.to_film, "film_sizes": self.film_sizes}
        for number, stage in enumerate(self.stages):
            named |= {f"stage-{number}-maps": stage.maps, f"stage-{number}-channels": stage.channels}
        return named

    @property
    def about(self) -> dict[str, Any]:
        """Return the rest as plain JSON."""
        stages = [[stage.stage, stage.title] for stage in self.stages]
        return {"kind": "activations", **_about(self), "stages": stages, "input_size": list(self.input_size)}

    def save(self, path: Path) -> None:
        """Write ``path`` (npz, no pickles) and the rest beside it as JSON."""
        write_packed(path, self.about, self.arrays)


Explained = TypeVar("Explained", bound=Explanation | Activations)


def _about(found: Explanation | Activations) -> dict[str, Any]:
    skipped = [[each.what, each.reason] for each in found.skipped]
    return {
        "method": found.method,
        "case_ids": list(found.case_ids),
        "provenance": found.provenance,
        "skipped": skipped,
    }


def load_explanation(path: str | Path) -> Explanation | Activations:
    """Read what ``save`` wrote, or a method's folder of ``explain(..., out=FOLDER)``, whose maps stay on disk.

    Parameters
    ----------
    path
        The npz file or the folder.

    Returns
    -------
    Explanation | Activations
        As it was; arrays of a folder are mapped from disk, read-only.

    Raises
    ------
    ReaderError
        A file is absent or holds no explanation.
    """
    try:
        return explanation_of(*read_named_arrays(Path(path)))
    except DAMAGED as error:
        raise ReaderError(f"{path}: not an explanation of the workbench ({error})") from error


def explanation_of(about: dict[str, Any], arrays: NamedArrays) -> Explanation | Activations:
    """Return what ``about`` and ``arrays`` of an explanation came from."""
    shared: dict[str, Any] = {
        "method": about["method"],
        "case_ids": tuple(about["case_ids"]),
        "provenance": about["provenance"],
        "skipped": tuple(Skipped(what, reason) for what, reason in about["skipped"]),
    }
    if about.get("kind") == "activations":
        stages = tuple(
            StageActivations(stage, title, arrays[f"stage-{number}-maps"], arrays[f"stage-{number}-channels"])
            for number, (stage, title) in enumerate(about["stages"])
        )
        height, width = about["input_size"]
        shared |= {name: arrays[name] for name in ("to_film", "film_sizes")}
        return Activations(stages=stages, input_size=(height, width), **shared)
    measures = {name.removeprefix(MEASURE): values for name, values in arrays.items() if name.startswith(MEASURE)}
    named: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    return Explanation(measures=measures, **named, **shared)


def joined(parts: Sequence[Explained]) -> Explained:
    """Return explanations of the same method for different cases as one, in their order."""
    first = parts[0]
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in first.arrays}
    about = first.about | {"case_ids": [each for part in parts for each in part.case_ids], "skipped": []}
    whole = explanation_of(about, arrays)
    assert isinstance(whole, type(first))  # noqa: S101 - it is made of the same kind
    return replace(whole, skipped=tuple(each for part in parts for each in part.skipped))
