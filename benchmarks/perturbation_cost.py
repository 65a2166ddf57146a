"""What methods that perturb a film cost, in multiples of as many plain forward passes of the same network.

    python benchmarks/perturbation_cost.py --size 224

Occlusion: 81 windows of a fifth of the side, a tenth apart. RISE: 81 masks; no other library installed has it. The
floor is 81 images, 8 a forward pass, under inference mode. Every case once a round in shuffled order; a case's time is
divided by the mean of two floors of the same round. ``--clock processor`` counts the seconds of this process's threads
instead of the wall's: for a machine that others use too.
"""

import argparse
import gc
import importlib.util
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from measuring import images_of, network
from torch import Tensor, nn

import workbench as wb
from workbench.attribution.occlusion import Occlusion
from workbench.attribution.rise import RISE
from workbench.imaging.recipes import Recipe

COUNT, CHUNK = 81, 8
WINDOW, STRIDE = 0.2, 0.1
TARGET = 1
FLOOR, CONTROL = "plain forwards", "plain forwards again"
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
Action = Callable[[Tensor], Any]


def forwards(net: nn.Module, *, together: int = CHUNK, channels_last: bool = False) -> Action:
    form = torch.channels_last if channels_last else torch.contiguous_format

    def run(film: Tensor) -> None:
        with torch.inference_mode():
            for images in film.expand(COUNT, -1, -1, -1).split(together):
                net(images.contiguous(memory_format=form))

    return run


def workbenchs(net: nn.Module, method: Occlusion | RISE, *, channels_last: bool = True) -> Action:
    model = wb.wrap(net, class_names=("normal", "abnormal"), recipe=Recipe(size=64))  # it looks for layers once
    if not channels_last:
        vars(model)["memory_format"] = torch.contiguous_format  # what the cached property would have found

    def run(film: Tensor) -> np.ndarray:
        return next(iter(wb.explain(model, film, [method], target="abnormal").values())).maps

    return run


def captums(net: nn.Module, *, together: int) -> Action:
    from captum.attr import Occlusion as CaptumsOcclusion

    method, black = CaptumsOcclusion(net), black_film()

    def run(film: Tensor) -> np.ndarray:
        window, stride = (round(share * film.shape[2]) for share in (WINDOW, STRIDE))
        maps = method.attribute(
            film,
            sliding_window_shapes=(3, window, window),
            strides=(3, stride, stride),
            baselines=black.expand_as(film),
            target=TARGET,
            perturbations_per_eval=together,
        )
        return maps[:, 0].detach().numpy()

    return run


def monais(net: nn.Module) -> Action:
    from monai.visualize import OcclusionSensitivity

    black = black_film().mean().item()

    def run(film: Tensor) -> np.ndarray:
        side, overlap = round(WINDOW * film.shape[2]), 1 - STRIDE / WINDOW
        method = OcclusionSensitivity(
            net, mask_size=side, n_batch=CHUNK, mode=black, overlap=overlap, activate=False, verbose=False
        )
        return method(film)[0][:, TARGET].numpy()

    return run


def zennits(net: nn.Module) -> Action:
    from zennit.attribution import Occlusion as ZennitsOcclusion

    def run(film: Tensor) -> np.ndarray:
        window, stride = (round(share * film.shape[2]) for share in (WINDOW, STRIDE))
        method = ZennitsOcclusion(net, window=(window, window), stride=(stride, stride))
        return method(film, torch.eye(2)[[TARGET]])[1][:, 0].numpy()

    return run


def black_film() -> Tensor:
    return Recipe(size=64).normalise(torch.zeros(1, 1, 1))


OCCLUSION, MASKED = Occlusion(window=WINDOW, stride=STRIDE), RISE(masks=COUNT)
CASES: dict[str, tuple[str, Callable[[nn.Module], Action]]] = {
    CONTROL: ("torch", forwards),
    "plain forwards, 25 at once": ("torch", partial(forwards, together=25)),
    "plain forwards, channels last": ("torch", partial(forwards, channels_last=True)),
    "occlusion, workbench": ("workbench", partial(workbenchs, method=OCCLUSION)),
    "occlusion, workbench without channels last": (
        "workbench",
        partial(workbenchs, method=OCCLUSION, channels_last=False),
    ),
    "occlusion, captum, 1 at once (its default)": ("captum", partial(captums, together=1)),
    "occlusion, captum, 8 at once": ("captum", partial(captums, together=CHUNK)),
    "occlusion, MONAI, 8 at once": ("monai", monais),
    "occlusion, zennit": ("zennit", zennits),
    "RISE, workbench": ("workbench", partial(workbenchs, method=MASKED)),
    "RISE, workbench without channels last": ("workbench", partial(workbenchs, method=MASKED, channels_last=False)),
}
"""Name -> the package it needs, and what builds the call."""


def time_ratios(size: int, rounds: int, clock: Callable[[], float], chosen: list[str]) -> dict[str, list[float]]:
    """Return for each case one ratio a round."""
    film, floor = images_of(1, size), forwards(network(size))
    runs = {name: CASES[name][1](network(size)) for name in chosen}
    small = images_of(1, 96)
    for run in (floor, *runs.values()):
        run(small)
    generator, ratios = random.Random(0), {name: [] for name in runs}
    for _ in range(rounds):
        order = [FLOOR, FLOOR, *runs]
        generator.shuffle(order)
        taken: dict[str, list[float]] = {}
        for name in order:
            gc.collect()
            start = clock()
            runs.get(name, floor)(film)
            taken.setdefault(name, []).append(clock() - start)
        for name in runs:
            ratios[name].append(taken[name][0] / statistics.mean(taken[FLOOR]))
        print(
            f"round {len(ratios[CONTROL])}: a forward pass takes {statistics.mean(taken[FLOOR]) / COUNT:.3f} s",
            flush=True,
        )
    return ratios


def difference_from_captum() -> float:
    """Return how far our occlusion map is from captum's, as a share of its largest value."""
    size = 160  # strides of 16 px: ours are a share of the side, theirs whole pixels
    film, net = images_of(1, size), network(size)
    ours, theirs = workbenchs(net, OCCLUSION)(film)[0], captums(net, together=CHUNK)(film)[0]
    ours = ours.repeat(size // ours.shape[0], axis=0).repeat(size // ours.shape[1], axis=1)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=320, help="side of the square film (default 320)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its own choice")
    parser.add_argument("--cases", nargs="*", default=[""], help="parts of the names of the cases to run")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()}, {platform.machine()}")
    wanted = [name for name in CASES if name == CONTROL or any(part in name for part in options.cases)]
    present = [name for name in wanted if importlib.util.find_spec(CASES[name][0])]
    ratios = time_ratios(options.size, options.rounds, CLOCKS[options.clock], present)
    print(f"\n### DenseNet-121, {options.size} px: {options.clock} time / {COUNT} plain forwards")
    print("| case | min | median | max |\n|---|---:|---:|---:|")
    for name in wanted:
        if name in ratios:
            taken = ratios[name]
            print(f"| {name} | {min(taken):.2f} | **{statistics.median(taken):.2f}** | {max(taken):.2f} |")
        else:
            print(f"| {name} | | not installed | |")
    if any("captum" in name for name in present):
        print(f"\nour occlusion map differs from captum's by {difference_from_captum():.1e} of its maximum")


if __name__ == "__main__":
    main()
