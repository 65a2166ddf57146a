"""How often a film is taken for reversed, and how many of their inverses are found, on a manifest's films.

Usage: python benchmarks/polarity.py MANIFEST [--root FOLDER]
"""

import argparse

from workbench.core.errors import ReaderError
from workbench.core.manifest import read_manifest
from workbench.imaging.pixels import read_radiograph
from workbench.imaging.polarity import is_reversed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("manifest")
    parser.add_argument("--root")
    wanted = parser.parse_args()
    manifest = read_manifest(wanted.manifest, wanted.root)
    films, flagged, found = 0, [], 0
    for case in manifest:
        try:
            pixels = read_radiograph(manifest.path(case)).pixels
        except ReaderError:
            continue
        films += 1
        found += is_reversed(1 - pixels)
        if is_reversed(pixels):
            flagged.append(case.case_id)
    print(f"{films} films: {len(flagged)} taken for reversed ({', '.join(flagged)}), {found} inverses found")


if __name__ == "__main__":
    main()
