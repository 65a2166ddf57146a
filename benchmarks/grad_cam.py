"""What Grad-CAM costs, in multiples of one plain forward pass of the same network.

    python benchmarks/grad_cam.py --batches 1 8 --rounds 7

Time: in one process, every case once a round in shuffled order; a case's time is divided by the mean of two plain
forward passes of the same round. The row ``plain forward again`` is the same thing measured once more: its spread is
the noise. Memory: every case in a process of its own; the kernel's peak of resident memory while the case runs once,
less what was resident before, divided by the median of the same figure of plain forward passes.
"""

import argparse
import ctypes
import gc
import importlib.util
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

FLOOR, CONTROL = "plain forward", "plain forward again"
MEBIBYTE = 2**20
Action = Callable[[Tensor], object]


def network(size: int) -> nn.Module:
    """Return DenseNet-121 with random weights, and statistics from one batch so that activations have a sane scale."""
    torch.manual_seed(0)
    net = torchvision.models.densenet121(weights=None, num_classes=2).train()
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        net(torch.randn(2, 3, size // 2, size // 2))
    for norm in norms:
        norm.momentum = 0.1
    return net.eval()


def plain_forward(net: nn.Module) -> Action:
    def run(images: Tensor) -> object:
        with torch.inference_mode():
            return net(images)

    return run


def workbenchs(net: nn.Module) -> Action:
    import workbench as wb
    from workbench.imaging.recipes import Recipe

    wrapped = wb.wrap(net, class_names=("normal", "abnormal"), recipe=Recipe(size=64))  # it looks for layers once
    return lambda images: (
        wb.explain(wrapped, images, ["grad-cam"], target="abnormal", batch_size=len(images))["grad-cam"].maps
    )


def captums(net: nn.Module) -> Action:
    from captum.attr import LayerGradCam

    method = LayerGradCam(net, net.features.norm5)
    return lambda images: method.attribute(images, target=1).detach().numpy()


def pytorch_grad_cams(net: nn.Module) -> Action:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    method = GradCAM(model=net, target_layers=[net.features.norm5])
    return lambda images: method(input_tensor=images, targets=[ClassifierOutputTarget(1)] * len(images))


def torchcams(net: nn.Module) -> Action:
    from torchcam.methods import GradCAM

    method = GradCAM(net, target_layer=net.features.norm5)
    return lambda images: method([1] * len(images), net(images))


CASES: dict[str, tuple[str, Callable[[nn.Module], Action]]] = {
    "workbench": ("workbench", workbenchs),
    "captum": ("captum", captums),
    "pytorch-grad-cam": ("pytorch_grad_cam", pytorch_grad_cams),
    "torchcam": ("torchcam", torchcams),
}
"""Name -> the package it needs, and what builds the call: first what a user does once, then what one does a batch."""


def absent(name: str) -> bool:
    return name in CASES and importlib.util.find_spec(CASES[name][0]) is None


def action(name: str, net: nn.Module) -> Action:
    return CASES[name][1](net) if name in CASES else plain_forward(net)


def images_of(batch: int, size: int) -> Tensor:
    return torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(1))


def seconds(run: Action, images: Tensor) -> float:
    gc.collect()
    start = time.perf_counter()
    run(images)
    return time.perf_counter() - start


def time_ratios(batch: int, size: int, rounds: int) -> dict[str, list[float]]:
    """Return for each case one ratio a round."""
    images = images_of(batch, size)
    floor = plain_forward(network(size))
    runs = {name: action(name, network(size)) for name in CASES if not absent(name)} | {CONTROL: floor}
    for run in (floor, *runs.values()):
        run(images)
    ratios: dict[str, list[float]] = {name: [] for name in runs}
    generator = random.Random(0)
    for _ in range(rounds):
        order = [FLOOR, FLOOR, *runs]
        generator.shuffle(order)
        taken: dict[str, list[float]] = {}
        for name in order:
            taken.setdefault(name, []).append(seconds(runs.get(name, floor), images))
        for name in runs:
            ratios[name].append(taken[name][0] / statistics.mean(taken[FLOOR]))
    return ratios


def resident(key: str) -> int:
    """Return VmRSS (resident now) or VmHWM (its peak) in bytes, as Linux counts them."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def peak_of_one_call(name: str, batch: int, size: int) -> int:
    """Return by how many bytes resident memory rises while a case runs once; call it in a fresh process."""
    run, images = action(name, network(64)), images_of(batch, size)
    run(images[:1, :, :96, :96])  # imports, hooks and whatever is made once
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident("VmRSS")
    run(images)
    return resident("VmHWM") - before


def peak_in_a_process(name: str, batch: int, options: argparse.Namespace) -> int:
    command = [sys.executable, __file__, "--one", name, "--batches", str(batch), "--size", str(options.size)]
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def memory_ratios(batch: int, options: argparse.Namespace) -> tuple[dict[str, list[float]], float]:
    """Return for each case one ratio a round, and the plain forward's own rise in MiB, the median over rounds."""
    names = [FLOOR, CONTROL, *(name for name in CASES if not absent(name))]
    peaks: dict[str, list[int]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            peaks[name].append(peak_in_a_process(name, batch, options))
    floor = statistics.median(peaks.pop(FLOOR) + peaks[CONTROL])  # one process alone varies by a third
    return {name: [peak / floor for peak in taken] for name, taken in peaks.items()}, floor / MEBIBYTE


def table(title: str, ratios: dict[str, list[float]]) -> str:
    lines = [f"### {title}", "| case | min | median | max | rounds |", "|---|---:|---:|---:|---:|"]
    for name in (CONTROL, *CASES):
        if name in ratios:
            low, middle, high = min(ratios[name]), statistics.median(ratios[name]), max(ratios[name])
            lines.append(f"| {name} | {low:.2f} | **{middle:.2f}** | {high:.2f} | {len(ratios[name])} |")
        else:
            lines.append(f"| {name} | | not installed | | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--size", type=int, default=320, help="side of the square input (default 320)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its own choice")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.one:
        print(json.dumps(peak_of_one_call(options.one, options.batches[0], options.size)))
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()}, {platform.machine()}\n")
    for batch in options.batches:
        what = f"Grad-CAM of DenseNet-121, {batch} x {options.size} px"
        print(table(f"{what}: time / plain forward", time_ratios(batch, options.size, options.rounds)), flush=True)
        ratios, floor = memory_ratios(batch, options)
        print("\n" + table(f"{what}: peak memory / plain forward's {floor:.0f} MiB", ratios), "\n", flush=True)


if __name__ == "__main__":
    main()
