"""Where on the film a map lies: its share on each annotated thing, and where along the network a thing is seen."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.case import Case
from workbench.core.explanation import Activations
from workbench.imaging.regions import attribution_share

BACKGROUND = "background"
"""What no annotation of a film covers."""


@dataclass(frozen=True)
class RegionShare:
    """How much of a map lies on one thing.

    Parameters
    ----------
    category
        Of the annotations, or :data:`BACKGROUND`.
    share
        Share of the map's positive mass, NaN where the map has none.
    area
        Share of the film that the thing covers; a uniform map has ``share == area``.
    """

    category: str
    share: float
    area: float

    @property
    def enrichment(self) -> float:
        """Share over area: 1 is chance, NaN for a thing without area."""
        return self.share / self.area if self.area > 0 else float("nan")


def region_shares(film_map: FilmPixels, case: Case) -> tuple[RegionShare, ...]:
    """Return a map's share on everything that is annotated on a film, and on the rest.

    Things may overlap (evidence lies on anatomy), so the shares need not sum to 1.

    Parameters
    ----------
    film_map
        (h, w) in film pixels, signed.
    case
        The film's, with its annotations.

    Returns
    -------
    tuple of RegionShare
        In the order of the names, the background last; empty where nothing is annotated.
    """
    masks = case_masks(case)
    return tuple(
        RegionShare(category, attribution_share(film_map, mask), float(mask.mean())) for category, mask in masks.items()
    )


def stage_shares(activations: Activations, index: int, case: Case) -> tuple[tuple[str, str, float], ...]:
    """Return where along the network a thing is seen: for each stage, the mean share of its maps on each thing.

    Parameters
    ----------
    activations
        The most active maps of each stage.
    index
        Of the case in ``activations``.
    case
        The film's, with its annotations.

    Returns
    -------
    tuple of (stage title, category, share)
        Maps without positive mass do not count; a stage of such maps alone has NaN.
    """
    masks = case_masks(case)
    found = []
    for number, stage in enumerate(activations.stages):
        drawn = [activations.on_film(index, number, place) for place in range(stage.maps.shape[1])]
        found += [(stage.title, name, _mean_share(drawn, mask)) for name, mask in masks.items()]
    return tuple(found)


def case_masks(case: Case) -> dict[str, FilmMask]:
    """Return the mask (h, w) of each annotated category, by name, and of what none covers; empty where none is."""
    names = sorted({each.category for each in case.annotations})
    masks = {name: case.mask(name) for name in names}
    return masks | {BACKGROUND: ~np.any(list(masks.values()), axis=0)} if masks else {}


def _mean_share(film_maps: Iterable[FilmPixels], region: FilmMask) -> float:
    shares = np.array([attribution_share(each, region) for each in film_maps])
    known = shares[np.isfinite(shares)]
    return float(known.mean()) if known.size else float("nan")
