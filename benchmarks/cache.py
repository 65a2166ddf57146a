"""Films per second and core: decoded and placed from their files, against read from the cache.

Usage: python benchmarks/cache.py MANIFEST [--root FOLDER] [--films 400] [--sizes 224 320 512]
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from workbench.core.manifest import read_manifest
from workbench.data.datasets import FilmDataset
from workbench.imaging.pixels import read_radiograph, write_png
from workbench.imaging.recipes import Recipe


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("manifest")
    parser.add_argument("--root")
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 320, 512])
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    manifest = read_manifest(wanted.manifest, wanted.root)[: wanted.films]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index, case in enumerate(manifest):  # the same films as PNG, whatever they were
            write_png(folder / f"{index}.png", read_radiograph(manifest.path(case)).pixels)
        cases = [replace(case, image=f"{i}.png", sha256="") for i, case in enumerate(manifest)]
        films = replace(manifest, root=folder, cases=tuple(cases))
        print(
            "| size | placed from PNG, films/s | from the cache, films/s | ratio | cache, MB |\n|---|---|---|---|---|"
        )
        for size in wanted.sizes:
            print(row(films, size, folder / "cache"))


def row(films, size: int, cache: Path) -> str:
    recipe = Recipe(size=size)
    start = time.perf_counter()
    FilmDataset(films, recipe, threads=1)
    from_png = len(films) / (time.perf_counter() - start)
    FilmDataset(films, recipe, threads=1, cache=cache)
    dataset = FilmDataset(films, recipe, cache=cache)
    start = time.perf_counter()
    for epoch in range(3):
        for index in range(len(dataset)):
            dataset[epoch, index]
    cached = 3 * len(films) / (time.perf_counter() - start)
    return f"| {size} | {from_png:.0f} | {cached:.0f} | {cached / from_png:.0f} | {len(films) * size**2 / 1e6:.0f} |"


if __name__ == "__main__":
    main()
