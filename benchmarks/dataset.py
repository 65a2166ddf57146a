"""What Grad-CAM of a whole folder costs from film to file, in multiples of the network's plain forward passes.

    python benchmarks/dataset.py

Grey PNGs of 512 x 400 are made in a temporary folder. Every case reads each of them, prepares it at 320 px, runs
DenseNet-121, makes its map and writes a file. A case's time is divided by that of as many plain forward passes, batch
8, right beside it: inputs in memory, default order of axes. The peers' loops are those of their own documentation,
alone or in batches with two loader workers. Memory and time by the number of films: the maps of saliency have the
size of the film, so that whoever kept them would be seen.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import MEBIBYTE, network, resident
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

import workbench as wb
from workbench.imaging.recipes import Recipe
from workbench.models.compact_densenet import compact_densenet

CONTROL = "plain forwards again"
HEIGHT, WIDTH, BATCH = 400, 512, 8
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
Case = Callable[[list[Path], Path], object]
"""Takes the films and an empty folder."""


def make_films(folder: Path, count: int) -> list[Path]:
    """Write soft grey pictures with noise, which compress as films do."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    paths = [folder / f"{index:05d}.png" for index in range(count)]
    for path in paths:
        coarse = Image.fromarray(generator.integers(20, 220, (10, 13), dtype=np.uint8))
        soft = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), dtype=np.float64)
        film = np.clip(soft + generator.normal(0, 4, soft.shape), 0, 255)
        Image.fromarray(film.astype(np.uint8)).save(path)
    return paths


class RgbFilms(Dataset[tuple[Tensor, str]]):
    """What most notebooks do: RGB, resized, normalised."""

    def __init__(self, paths: Sequence[Path], size: int) -> None:
        self.paths = paths
        steps = [v2.Resize((size, size)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
        self.prepare = v2.Compose([*steps, v2.Normalize(MEAN, DEVIATION)])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        with Image.open(self.paths[index]) as film:
            return self.prepare(film.convert("RGB")), str(self.paths[index])


def film_of(path: str | Path) -> np.ndarray:
    with Image.open(path) as film:
        return np.asarray(film.convert("RGB"), dtype=np.float32) / 255


def forwards(net: nn.Module, size: int, paths: list[Path], _: Path) -> None:
    images = torch.randn((BATCH, 3, size, size), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            net(images[: len(paths) - start])


def raw_maps(model: Any, paths: list[Path], out: Path, **more: Any) -> None:
    wb.explain(model, paths, ["grad-cam"], target="abnormal", out=out / "maps", **more)


def overlays(model: Any, paths: list[Path], out: Path) -> None:
    """Do what ``workbench explain`` does."""
    from workbench.imaging.films import path_films
    from workbench.reports.explanation_files import Drawing, write_explanations

    found = wb.explain(model, paths, ["grad-cam"], target="abnormal")
    drawing = Drawing("own", None, 0.2, 1024, 0, "png")
    write_explanations(found, path_films(paths), out, drawing=drawing, names={str(path): path.stem for path in paths})


def torchcam_one_by_one(net: nn.Module, size: int, paths: list[Path], out: Path) -> None:
    from torchcam.methods import GradCAM
    from torchcam.utils import overlay_mask
    from torchvision.transforms.functional import to_pil_image

    films = RgbFilms(paths, size)
    with GradCAM(net, target_layer=net.features.norm5) as method:
        for index, path in enumerate(paths):
            (found,) = method(1, net(films[index][0][None]))
            with Image.open(path) as film:
                picture = overlay_mask(film.convert("RGB"), to_pil_image(found[0], mode="F"), alpha=0.5)
            picture.save(out / path.name)


def pytorch_grad_cam(net: nn.Module, batches: Any, out: Path) -> None:
    import cv2
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.image import show_cam_on_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    with GradCAM(model=net, target_layers=[net.features.norm5]) as method:
        for images, names in batches:
            for found, name in zip(method(images, [ClassifierOutputTarget(1)] * len(images)), names, strict=True):
                large = cv2.resize(found, (WIDTH, HEIGHT))
                picture = show_cam_on_image(film_of(name), large, use_rgb=True)
                Image.fromarray(picture).save(out / Path(name).name)


def pytorch_grad_cam_one_by_one(net: nn.Module, size: int, paths: list[Path], out: Path) -> None:
    pytorch_grad_cam(net, DataLoader(RgbFilms(paths, size)), out)


def pytorch_grad_cam_batched(net: nn.Module, size: int, paths: list[Path], out: Path) -> None:
    pytorch_grad_cam(net, DataLoader(RgbFilms(paths, size), BATCH, num_workers=2), out)


def captum_batched(net: nn.Module, size: int, paths: list[Path], out: Path) -> None:
    import matplotlib as mpl
    from captum.attr import LayerAttribution, LayerGradCam

    method = LayerGradCam(net, net.features.norm5)
    for images, names in DataLoader(RgbFilms(paths, size), BATCH, num_workers=2):
        maps = method.attribute(images, target=1, relu_attributions=True).detach()
        large = LayerAttribution.interpolate(maps, (HEIGHT, WIDTH), "bilinear")[:, 0].numpy()
        for found, name in zip(large, names, strict=True):
            share = (found - found.min()) / max(float(np.ptp(found)), 1e-12)
            picture = (mpl.colormaps["jet"](share)[..., :3] + film_of(name)) / 2
            Image.fromarray((255 * picture).astype(np.uint8)).save(out / Path(name).name)


def cases(size: int) -> dict[str, Case]:
    """Return what is compared; each has a network of its own, for peers leave hooks behind."""
    model = wb.wrap(network(size), class_names=("normal", "abnormal"), recipe=Recipe(size=size))
    found: dict[str, Case] = {
        CONTROL: partial(forwards, network(size), size),
        "workbench, raw maps": partial(raw_maps, model),
        "workbench, raw maps, 2 workers": partial(raw_maps, model, workers=2),
        "workbench, raw maps, precision fast": partial(raw_maps, model, precision="fast"),
        "workbench, PNG overlays": partial(overlays, model),
    }
    peers = (torchcam_one_by_one, captum_batched, pytorch_grad_cam_batched, pytorch_grad_cam_one_by_one)
    return found | {each.__name__.replace("_", " "): partial(each, network(size), size) for each in peers}


def seconds(case: Case, paths: list[Path], folder: Path) -> float:
    folder.mkdir()
    start = time.perf_counter()
    case(paths, folder)
    taken = time.perf_counter() - start
    shutil.rmtree(folder)
    return taken


def time_ratios(case: Case, paths: list[Path], size: int, rounds: int, folder: Path) -> list[float]:
    """Return one ratio a round; the plain forward passes are timed beside the case, before or after it."""
    floor = partial(forwards, network(size), size)
    for each in (floor, case):
        seconds(each, paths[:BATCH], folder / "warm")
    ratios = []
    for number in range(rounds):
        order = (floor, case) if number % 2 else (case, floor)
        taken = {each: seconds(each, paths, folder / "out") for each in order}
        ratios.append(taken[case] / taken[floor])
    return ratios


def growth(count: int, folder: Path) -> dict[str, float]:
    """Return milliseconds a film and the rise of resident memory in MiB; call it in a fresh process."""
    film = make_films(folder / "films", 1)[0]
    net = compact_densenet(2).eval()
    model = wb.wrap(net, class_names=("normal", "abnormal"), recipe=Recipe(size=160))
    wb.explain(model, [film] * BATCH, ["saliency"], out=folder / "warm")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = resident("VmRSS"), time.perf_counter()
    found = wb.explain(model, [film] * count, ["saliency"], out=folder / "out")
    taken = time.perf_counter() - start
    return {
        "ms": 1000 * taken / count,
        "rise": (resident("VmHWM") - before) / MEBIBYTE,
        "maps": found["saliency"].maps.nbytes / MEBIBYTE,
    }


def growth_in_a_process(count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--growth", str(count)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def print_times(paths: list[Path], size: int, rounds: int, folder: Path) -> None:
    """Print a row for each case as soon as it is known."""
    print(f"### {len(paths)} PNGs to Grad-CAM of DenseNet-121 at {size} px: time / plain forwards")
    print("| case | min | median | max | rounds |\n|---|---:|---:|---:|---:|", flush=True)
    for name, case in cases(size).items():
        try:
            values = time_ratios(case, paths, size, rounds, folder)
        except ImportError as error:
            shutil.rmtree(folder / "warm")
            print(f"| {name} | | not installed: {error.name} | | |", flush=True)
            continue
        middle = statistics.median(values)
        print(f"| {name} | {min(values):.2f} | **{middle:.2f}** | {max(values):.2f} | {rounds} |", flush=True)


def print_growth(counts: list[int]) -> None:
    """Print time and memory by the number of films."""
    print("\n### Saliency of compact-densenet at 160 px by the number of films, kept on disk")
    print("| films | ms a film | rise of memory, MiB | maps, MiB |\n|---:|---:|---:|---:|", flush=True)
    for count in counts:
        found = growth_in_a_process(count)
        print(f"| {count} | {found['ms']:.0f} | {found['rise']:.0f} | {found['maps']:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=48)
    parser.add_argument("--size", type=int, default=320, help="side of the square input (default 320)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="*", default=[64, 256, 1024], help="films, for time and memory")
    parser.add_argument("--growth", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.growth:
            print(json.dumps(growth(options.growth, folder)))
            return
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
        paths = make_films(folder / "films", options.films)
        print_times(paths, options.size, options.rounds, folder)
    print_growth(options.counts)


if __name__ == "__main__":
    main()
