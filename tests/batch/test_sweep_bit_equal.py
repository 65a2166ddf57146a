"""A sweep with the workbench's own notebooks, stopped after an epoch and resumed, ends as one never stopped."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.batch.sweep_state import CellState, Sweep, read_sweep
from workbench.core.case import Case
from workbench.core.manifest import Manifest, write_manifest
from workbench.imaging.pixels import write_png
from workbench.models.weights import read_weights
from workbench.runs import RunStore, verify
from workbench.training import TrainingResult
from workbench.training.history import EpochRecord
from workbench.training.result import read_result

pytestmark = pytest.mark.slow

COMMAND = "from workbench.cli.commands import main; main()"
GIVE_UP_S = 600.0
SPLITS = {"train": 96, "valid": 16, "test": 32}
EXPERIMENT = """
title: Bit by bit
data: {{manifest: {folder}/squares.csv, root: {folder}/films}}
train:
  {{train_split: train, valid_split: valid, architecture: mobilenet_v2, size: 96, epochs: 3, batch_size: 8, patience: 0,
    keep: best-loss, devices: cpu}}
evaluate: {{split: test}}
cells: [{{id: first}}, {{id: second, weights: "cell:first"}}]
"""
"""MobileNet has BatchNorm and dropout; the second cell goes on from what the first has learned."""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Write films, of which every other one has a bright square, and the experiment on them."""
    generator = np.random.default_rng(0)
    cases = []
    for split, count in SPLITS.items():
        for index in range(count):
            name = f"{split}{index}"
            pixels = generator.normal(0.4, 0.1, (32, 32)).clip(0, 1).astype(np.float32)
            pixels[12:20, 12:20] += 0.3 * (index % 2)
            write_png(tmp_path / "films" / f"{name}.png", pixels.clip(0, 1))
            label = ("normal", "abnormal")[index % 2]
            cases.append(Case(name, f"p-{name}", f"s-{name}", f"{name}.png", label=label, split=split))
    films = Manifest("squares", ("normal", "abnormal"), ("abnormal",), tmp_path / "films", tuple(cases))
    write_manifest(films, tmp_path / "squares.csv")
    path = tmp_path / "squares.yaml"
    path.write_text(EXPERIMENT.format(folder=tmp_path))
    return path


def started(experiment: Path, runs: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", COMMAND, "sweep", str(experiment), "--runs", str(runs), "--jobs", "1", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(experiment: Path, runs: Path, *options: str) -> Sweep:
    process = started(experiment, runs, *options)
    said, _ = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, said
    return state_of(runs)


def state_of(runs: Path) -> Sweep:
    (folder,) = runs.glob("*-sweep-*")
    return read_sweep(folder)


def wait_until(holds: Callable[[], bool]) -> None:
    given_up = time.monotonic() + GIVE_UP_S
    while not holds():
        assert time.monotonic() < given_up
        time.sleep(0.05)


def result_of(cell: CellState) -> TrainingResult:
    assert cell.runs is not None
    return read_result(cell.runs["train"].folder)


def timeless(result: TrainingResult) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in result.history]


def test_resumed_sweep_ends_bit_equal(experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "stopped"
    process = started(experiment, runs)
    wait_until(lambda: bool(list(runs.glob("*-train-*/history.csv"))) or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 130, said
    stopped = state_of(runs)
    assert (stopped.run.status, stopped.counts) == ("interrupted", {"interrupted": 1, "waiting": 1})
    assert stopped.cells[0].epochs in {"1 of 3", "2 of 3"}

    resumed = finished(experiment, runs, "--resume")
    straight = finished(experiment, tmp_path / "straight")
    assert resumed.run.id == stopped.run.id
    assert resumed.trained["first"].id == stopped.trained["first"].id
    for sweep in (resumed, straight):
        assert sweep.counts == {"done": 2}
        made = RunStore(sweep.folder.parent).list()
        assert Counter((run.kind, run.status) for run in made) == {
            ("train", "done"): 2, ("evaluate", "done"): 2, ("compare", "done"): 1, ("sweep", "done"): 1,
        }  # fmt: skip
        assert [problem for run in made for problem in verify(run)] == []
    for ours, theirs in zip(map(result_of, resumed.cells), map(result_of, straight.cells), strict=True):
        assert len(ours.history) == 3
        assert timeless(ours) == timeless(theirs)
        assert ours.kept_epoch == theirs.kept_epoch
        weights, wanted = (read_weights(each.folder / "model.safetensors") for each in (ours, theirs))
        assert weights.keys() == wanted.keys()
        assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
