"""How many phantom films a core draws in a second, and what takes the time.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/phantoms.py --heights 512 256 --films 63

Every body part, view and kind in turn, with all masks; the last column writes a PNG of each film too. Seconds are those
of the process (other work on the machine and the disk do not count). The parts are
means over the films, from a run under the profiler, which itself costs time.
"""

import argparse
import cProfile
import itertools
import platform
import pstats
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from workbench.data.phantoms.bare_film import BareFilm, draw_bare_film
from workbench.data.phantoms.options import BODY_PARTS, KINDS, VIEWS, PhantomOptions
from workbench.imaging.pixels import write_png

STEPS = {
    "draw_arm": "bones and limbs of the patient",
    "afflict": "abnormality",
    "cast_shadow": "rays through bodies",
    "grain_at": "trabeculae and muscle",
    "project_tissue": "soft tissue (with its rays)",
    "taken_shot": "scatter and noise",
    "film_of": "detector",
    "film_with_patch": "film without the abnormality",
    "_masks": "masks",
}
"""Function -> what it does; ``project_tissue`` contains some of ``cast_shadow`` and ``grain_at``."""


def options_in_turn(height: int, films: int) -> Iterator[tuple[PhantomOptions, int]]:
    """Yield options and seeds: neighbours differ in everything."""
    every = itertools.cycle(itertools.product(VIEWS, BODY_PARTS))
    for seed, (view, part) in zip(range(films), every, strict=False):
        width = round(0.82 * height)
        kind = KINDS[seed % len(KINDS)]
        yield PhantomOptions(height=height, width=width, body_part=part, view=view, kind=kind), seed


def drawn(height: int, films: int) -> Iterator[BareFilm]:
    for options, seed in options_in_turn(height, films):
        yield draw_bare_film(options, seed, healthy=True)


def films_per_second(height: int, films: int, folder: Path | None) -> float:
    start = time.process_time()
    for index, film in enumerate(drawn(height, films)):
        if folder:
            write_png(folder / f"{index}.png", film.pixels)
    return films / (time.process_time() - start)


def milliseconds_by_step(height: int, films: int) -> dict[str, float]:
    """Return how long a film spends in each step, by the profiler's clock; all of it is ``draw_bare_film``."""
    profile = cProfile.Profile()
    profile.runcall(lambda: list(drawn(height, films)))
    cumulative = {key[2]: row[3] for key, row in pstats.Stats(profile).stats.items()}  # type: ignore[attr-defined]
    return {name: 1000.0 * cumulative.get(name, 0.0) / films for name in ("draw_bare_film", *STEPS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heights", nargs="+", type=int, default=[512, 256])
    parser.add_argument("--films", type=int, default=63)
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {options.films} films a row\n")
    print("| height | films/s with masks | and with PNG |\n|---:|---:|---:|")
    for height in options.heights:
        films_per_second(height, 7, None)  # tiles and outlines are made once
        with tempfile.TemporaryDirectory() as folder:
            alone, written = (films_per_second(height, options.films, to) for to in (None, Path(folder)))
        print(f"| {height} | {alone:.1f} | **{written:.1f}** |", flush=True)
    for height in options.heights:
        steps = milliseconds_by_step(height, options.films)
        print(f"\n### {height} px: milliseconds a film under the profiler, {steps.pop('draw_bare_film'):.0f} in all")
        print("\n".join(f"- {STEPS[name]}: {spent:.1f}" for name, spent in steps.items()))


if __name__ == "__main__":
    main()
