"""How long reading a film takes beside the plain decoder, for each format and DICOM transfer syntax.

    python benchmarks/readers.py --films ../shared/data/FracAtlas-subset/images --dicom HAND.dcm --rounds 5

A row is a reader of ours; its ratio is the time over that of Pillow's ``convert("L")`` of the same file, or of
pydicom's ``pixel_array`` (no grey scale pipeline) where pydicom has a decoder for it. DICOM files of each syntax are
made from the pixels of the one given; JPEG lossless and 12 bits, which no encoder here writes, come as files.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

from workbench.core.errors import ReaderError
from workbench.imaging.pixels import read_radiograph, write_png

SYNTAXES = {
    "explicit little endian": pydicom.uid.ExplicitVRLittleEndian,
    "deflated": pydicom.uid.DeflatedExplicitVRLittleEndian,
    "RLE": pydicom.uid.RLELossless,
    "JPEG-LS": pydicom.uid.JPEGLSLossless,
    "JPEG 2000 lossless": pydicom.uid.JPEG2000Lossless,
}
MOST_FILMS = 60


def plain_pillow(path: Path) -> None:
    with Image.open(path) as image:
        np.asarray(image.convert("L"))


def plain_pydicom(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _ = pydicom.dcmread(path).pixel_array


def dicom_files(source: Path, folder: Path) -> dict[str, list[Path]]:
    """Write the pixels of a film in every syntax that pydicom can encode."""
    found = {}
    for name, uid in SYNTAXES.items():
        film = pydicom.dcmread(source)
        film.decompress()
        if uid.is_compressed and uid != pydicom.uid.DeflatedExplicitVRLittleEndian:
            film.compress(uid)
        film.file_meta.TransferSyntaxUID = uid
        film.save_as(folder / f"{name.replace(' ', '-')}.dcm")
        found[f"DICOM {name}"] = [folder / f"{name.replace(' ', '-')}.dcm"]
    return found


def seconds(read: Callable[[Path], object], paths: list[Path]) -> float:
    start = time.perf_counter()
    for path in paths:
        read(path)
    return (time.perf_counter() - start) / len(paths)


def usable(paths: list[Path]) -> list[Path]:
    sound = []
    for path in paths:
        try:
            read_radiograph(path)
        except ReaderError:
            continue
        sound.append(path)
    return sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, required=True, help="folder of JPEG films")
    parser.add_argument("--dicom", type=Path, nargs="+", required=True, help="first the one that is written anew")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jpegs = usable(sorted(options.films.rglob("*.jpg"))[:MOST_FILMS])
        pngs = [folder / f"{path.stem}.png" for path in jpegs]
        for path, png in zip(jpegs, pngs, strict=True):
            write_png(png, read_radiograph(path).pixels)
        rows = {"JPEG": jpegs, "PNG": pngs, **dicom_files(options.dicom[0], folder)}
        rows |= {f"DICOM as given: {read_radiograph(path).header['transfer_syntax']}": [path] for path in options.dicom}
        print("| film | megapixels | films/s | over plain decoder (median, range) |\n|---|---:|---:|---:|")
        for row, paths in rows.items():
            print(measured(row, paths, options.rounds), flush=True)


def measured(row: str, paths: list[Path], rounds: int) -> str:
    plain = plain_pydicom if row.startswith("DICOM") else plain_pillow
    size = statistics.mean(read_radiograph(path).pixels.size for path in paths) / 1e6
    ours = [seconds(read_radiograph, paths) for _ in range(rounds)]
    try:
        theirs = [seconds(plain, paths) for _ in range(rounds)]
    except (RuntimeError, NotImplementedError):
        return f"| {row} | {size:.2f} | {1 / statistics.median(ours):.1f} | pydicom has no decoder here |"
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    span = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    return f"| {row} | {size:.2f} | {1 / statistics.median(ours):.1f} | {span} |"


if __name__ == "__main__":
    main()
