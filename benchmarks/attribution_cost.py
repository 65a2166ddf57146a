"""What attributions cost, in multiples of one plain forward pass of DenseNet-121 in the default format.

    python benchmarks/attribution_cost.py                       # every row, some minutes on a quiet machine
    python benchmarks/attribution_cost.py --rows grad-cam everything --batches 1 256 --device cuda

Time: all libraries of a row in one process; every case once a round in shuffled order, divided by the mean of two plain
forward passes (inference mode) of the same round. ``plain forward again`` is the same thing measured once more: its
spread is the noise. Memory, on a CPU: every case in a process of its own; the kernel's peak of resident memory while
the case runs once, less what was resident before, over the median of the same figure of plain forward passes. On a
GPU: the peak of what PyTorch's allocator had given out, less what it had before. ``--clock processor`` counts the
seconds of this process's threads instead of the wall's: for a machine that others use too.
"""

import argparse
import contextlib
import ctypes
import gc
import importlib.util
import io
import json
import statistics
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from attribution_calls import ONE_IMAGE, PACKAGES, WORKS, Builder
from measuring import (
    CLOCKS,
    CONTROL,
    FLOOR,
    MEBIBYTE,
    Action,
    Ratios,
    environment,
    images_of,
    network,
    plain_forward,
    resident,
    rounds_of,
    table,
)
from torch import Tensor


@dataclass(frozen=True)
class Row:
    """A row of the table of costs."""

    title: str
    work: str
    batch: int
    bound: float | None
    memory: bool = False


ROWS = {
    "grad-cam": Row("Grad-CAM", "grad-cam", 1, 1.05),
    "guided-backprop": Row("guided backprop", "guided-backprop", 1, 2.4),
    "guided-grad-cam": Row("guided Grad-CAM", "guided-grad-cam", 1, 2.4),
    "stages": Row("16 maps of 5 stages", "stages", 1, 1.05),
    "everything": Row("all of these, CAM and Grad-CAM++ at once", "everything", 1, 2.5),
    "grad-cam-fast": Row('Grad-CAM with precision="fast"', "grad-cam-fast", 8, None),
    "everything-fast": Row('everything at once with precision="fast"', "everything-fast", 8, 1.3),
    "grad-cam-memory": Row("Grad-CAM", "grad-cam", 8, 1.2, memory=True),
    "guided-backprop-memory": Row("guided backprop", "guided-backprop", 8, None, memory=True),
}
FURTHER = 6
"""Batches behind the first one, over which the cost of a further batch is taken."""


def present(row: Row, batch: int) -> tuple[dict[str, Builder], dict[str, str]]:
    """Return the libraries that can do a row's work, and why the others cannot."""
    able, absent = {}, {}
    for name, build in WORKS[row.work].items():
        if importlib.util.find_spec(PACKAGES.get(name, name)) is None:
            absent[name] = "not installed"
        elif batch > 1 and (row.work, name) in ONE_IMAGE:
            absent[name] = "one image a call"
        else:
            able[name] = build
    return able, absent


def working(builders: dict[str, Builder], images: Tensor, absent: dict[str, str], *, size: int) -> dict[str, Action]:
    """Build each library's call on a network of its own; one that fails is a finding."""
    calls: dict[str, Action] = {}
    for name, build in builders.items():
        try:
            call = build(network(size).to(images.device))
            call(images)
            calls[name] = call
        except Exception as error:  # noqa: BLE001 - of a peer, of any kind
            absent[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:80]}"
            torch.cuda.empty_cache()
    return calls


def measure_time(row: Row, batch: int, options: argparse.Namespace) -> str:
    images = images_of(batch, options.size).to(options.device)
    floor = plain_forward(network(options.size).to(options.device))
    able, absent = present(row, batch)
    if row.work.endswith("-fast"):
        ratios, seconds, said = fast_ratios(row.work, floor, images, options)
    else:
        calls = working(able, images, absent, size=options.size)
        ratios, seconds = rounds_of(calls, floor, images, rounds=options.rounds, clock=CLOCKS[options.clock])
        said = ""
    title = f"{row.title}, {batch} x {options.size} px: {options.clock} time / plain forward's {seconds * 1e3:.1f} ms"
    return table(title, ratios, absent, bound=row.bound if batch == row.batch else None) + said


def fast_ratios(work: str, floor: Action, images: Tensor, options: argparse.Namespace) -> tuple[Ratios, float, str]:
    """Time the first batch, made twice or three times to see where half precision is sound, and those that follow."""
    explain = WORKS[work]["workbench"](network(options.size).to(images.device))
    one = len(images)
    many = images.repeat(1 + FURTHER, 1, 1, 1)
    runs = {"first": explain, "all": lambda _: explain(many, batch_size=one)}
    taken, seconds = rounds_of(runs, floor, images, rounds=options.rounds, clock=CLOCKS[options.clock])
    first, everything = taken.pop("first"), taken.pop("all")
    taken["workbench, the first batch, which measures"] = first
    further = [(whole - start) / FURTHER for start, whole in zip(first, everything, strict=True)]
    taken["workbench, each further batch"] = further
    about = {name: found.provenance["precision"] for name, found in explain(images).items()}
    used = [f"{name}: {each['used']} ({each['lowest_rank_correlation']})" for name, each in about.items()]
    return taken, seconds, "\n\nPrecision used (and lowest rank correlation): " + "; ".join(used) + "."


def peak_of_one_call(name: str, row: Row, batch: int, options: argparse.Namespace) -> int:
    """Return by how many bytes memory rises while a case runs once; on a CPU call it in a fresh process."""
    net = network(64).to(options.device)
    run, images = (plain_forward if name == FLOOR else WORKS[row.work][name])(net), images_of(batch, options.size)
    images = images.to(options.device)
    run(images[:1, :, :96, :96])  # imports, hooks and whatever is made once
    gc.collect()
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(images)
        return torch.cuda.max_memory_allocated() - before
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident("VmRSS")
    run(images)
    return resident("VmHWM") - before


def peak_in_a_process(name: str, key: str, batch: int, options: argparse.Namespace) -> int:
    command = [sys.executable, __file__, "--one", name, "--rows", key, "--batches", str(batch)]
    command += ["--size", str(options.size), "--threads", str(options.threads), "--device", options.device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["failed"])[-1])
    return int(json.loads(done.stdout.splitlines()[-1]))


def measure_memory(key: str, batch: int, options: argparse.Namespace) -> str:
    row = ROWS[key]
    able, absent = present(row, batch)
    peaks: dict[str, list[int]] = {name: [] for name in (FLOOR, CONTROL, *able)}
    for _ in range(options.memory_rounds):
        for name in [name for name in peaks if name not in absent]:
            try:
                peaks[name].append(peak_in_a_process(FLOOR if name == CONTROL else name, key, batch, options))
            except RuntimeError as error:
                absent[name] = str(error)[:80]
    floor = statistics.median(peaks.pop(FLOOR) + peaks[CONTROL])  # one process alone varies
    ratios = {name: [peak / floor for peak in taken] for name, taken in peaks.items() if taken}
    title = f"{row.title}, {batch} x {options.size} px: peak memory / plain forward's {floor / MEBIBYTE:.0f} MiB"
    return table(title, ratios, absent, bound=row.bound if batch == row.batch else None)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--batches", nargs="+", type=int, default=[], help="instead of each row's own")
    parser.add_argument("--size", type=int, default=320, help="side of the square input (default 320)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory-rounds", type=int, default=2, help="processes of each case (default 2)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its own choice")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    warnings.filterwarnings("ignore")  # those of the other libraries
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.one:
        print(json.dumps(peak_of_one_call(options.one, ROWS[options.rows[0]], options.batches[0], options)))
        return
    print(environment(options.device) + "\n", flush=True)
    for key in options.rows:
        for batch in options.batches or [ROWS[key].batch]:
            with contextlib.redirect_stdout(io.StringIO()):  # some print how far they are
                memory = ROWS[key].memory
                found = measure_memory(key, batch, options) if memory else measure_time(ROWS[key], batch, options)
            print(found + "\n", flush=True)


if __name__ == "__main__":
    main()
