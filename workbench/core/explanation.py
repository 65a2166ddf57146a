"""What a method says about a model and a list of cases: signed, raw maps with the way back to the film."""

import io
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.core.arrays import Affine, AffineBatch, ClassIndices, FilmPixels, FilmSizes, MapBatch
from workbench.core.errors import ReaderError, Skipped
from workbench.core.files import read_json, write_bytes, write_json
from workbench.core.geometry import resample, scaling


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

    def save(self, path: Path) -> None:
        """Write ``path`` (npz, no pickles) and the rest beside it as JSON."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays |= {MEASURE + name: values for name, values in self.measures.items()}
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        write_bytes(path, content.getvalue())
        about = {"method": self.method, "case_ids": self.case_ids, "provenance": self.provenance}
        skipped = [[each.what, each.reason] for each in self.skipped]
        write_json(path.with_suffix(".json"), about | {"skipped": skipped})


ARRAYS = ("targets", "maps", "to_film", "film_sizes", "probabilities")
MEASURE = "measure-"
"""Begins the name of an array that holds a measure."""


def load_explanation(path: Path) -> Explanation:
    """Read what :meth:`Explanation.save` wrote; a ReaderError where a file is absent or is no explanation."""
    about = read_json(path.with_suffix(".json"))
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ARRAYS}
            measures = {name.removeprefix(MEASURE): stored[name] for name in stored if name.startswith(MEASURE)}
        skipped = tuple(Skipped(what, reason) for what, reason in about["skipped"])
        return Explanation(
            method=about["method"],
            case_ids=tuple(about["case_ids"]),
            provenance=about["provenance"],
            skipped=skipped,
            measures=measures,
            **arrays,
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ReaderError(f"{path}: not an explanation of the workbench ({error})") from error


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
