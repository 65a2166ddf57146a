"""What the scripts that time networks share: the network, the images, the clocks, rounds, resident memory, tables."""

import gc
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

FLOOR, CONTROL = "plain forward", "plain forward again"
MEBIBYTE = 2**20
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
Action = Callable[[Tensor], object]
Ratios = dict[str, list[float]]


def network(size: int) -> nn.Module:
    """Return DenseNet-121 with random weights, and statistics from one batch so that activations have a sane scale."""
    torch.manual_seed(0)
    net = torchvision.models.densenet121(weights=None, num_classes=2).train()
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        side = max(size // 2, 128)  # so that the last norms see more than one place
        net(torch.randn(2, 3, side, side))
    for norm in norms:
        norm.momentum = 0.1
    return net.eval()


def images_of(batch: int, size: int) -> Tensor:
    """Return images as smooth and as noisy as films are: maps of noise alone have no ranking to keep."""
    generator = torch.Generator().manual_seed(1)
    smooth = torch.randn((batch, 1, 10, 10), generator=generator)
    films = nn.functional.interpolate(smooth, size=(size, size), mode="bicubic", align_corners=False)
    films += 0.1 * torch.randn((batch, 1, size, size), generator=generator)
    return films.expand(-1, 3, -1, -1).contiguous()


def plain_forward(net: nn.Module) -> Action:
    def run(images: Tensor) -> object:
        with torch.inference_mode():
            return net(images)

    return run


def timed(run: Action, images: Tensor, clock: Callable[[], float]) -> float:
    """Return the seconds of one call, whose work on a GPU is waited for."""
    gc.collect()
    wait_for(images)
    start = clock()
    run(images)
    wait_for(images)
    return clock() - start


def wait_for(images: Tensor) -> None:
    if images.is_cuda:
        torch.cuda.synchronize()


def rounds_of(
    runs: Mapping[str, Action], floor: Action, images: Tensor, *, rounds: int, clock: Callable[[], float]
) -> tuple[Ratios, float]:
    """Run every case once a round, in shuffled order, and the floor three times.

    Returns
    -------
    tuple
        For each case and for the control one ratio a round, to the mean of two floors of the same round; and the
        median of the floor in seconds.
    """
    runs, generator, floors = {**runs, CONTROL: floor}, random.Random(0), []
    for run in runs.values():
        run(images)
    ratios: Ratios = {name: [] for name in runs}
    for _ in range(rounds):
        order = [FLOOR, FLOOR, *runs]
        generator.shuffle(order)
        taken: dict[str, list[float]] = {}
        for name in order:
            taken.setdefault(name, []).append(timed(runs.get(name, floor), images, clock))
        floors.append(statistics.mean(taken[FLOOR]))
        for name in runs:
            ratios[name].append(taken[name][0] / floors[-1])
    return ratios, statistics.median(floors)


def resident(key: str) -> int:
    """Return VmRSS (resident now) or VmHWM (its peak) in bytes, as Linux counts them."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def environment(device: str = "cpu") -> str:
    """Return in one line what the figures were taken on."""
    where = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    return f"torch {torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()}, {where}"


def table(title: str, ratios: Ratios, absent: Mapping[str, str], *, bound: float | None = None) -> str:
    """Return a table of the cases in Markdown; ``absent`` says why others have no figure."""
    heading = title if bound is None else f"{title}; ours at most {bound}"
    lines = [f"### {heading}", "| case | min | median | max | rounds |", "|---|---:|---:|---:|---:|"]
    for name in sorted(ratios, key=lambda name: name != CONTROL):
        low, middle, high = min(ratios[name]), statistics.median(ratios[name]), max(ratios[name])
        lines.append(f"| {name} | {low:.2f} | **{middle:.2f}** | {high:.2f} | {len(ratios[name])} |")
    lines += [f"| {name} | | {reason} | | |" for name, reason in absent.items()]
    return "\n".join(lines)
