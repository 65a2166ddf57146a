"""What a sweep will cost in time, and how that is known: from finished trainings, else from one measured step."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.batch.checks import labelled_films, split_names
from workbench.batch.plan import Cell, Plan
from workbench.core.errors import WorkbenchError
from workbench.runs import Run, RunStore
from workbench.runs.environment import device_name
from workbench.runs.freed_memory import freed_memory_kept

FORWARD_SHARE = 1 / 3
"""Of the time that a film takes forwards and backwards, the part that it takes forwards only."""
RUN_OVERHEAD_S = 20.0
"""Assumed for each run: its kernel, the libraries, reading the films, the report."""
MEASURED_FILMS, MEASURED_STEPS = 4, 3
SAME = ("architecture", "recipe", "size", "batch_size", "precision", "devices")
"""Parameters on which a film's time depends."""


@dataclass(frozen=True)
class CellCost:
    """What one cell is expected to take.

    Parameters
    ----------
    cell
        Its id.
    train_films, valid_films, test_films
        Labelled ones.
    epochs
        At most.
    seconds
        Expected; None where it cannot be known.
    source
        How the time of one film is known.
    """

    cell: str
    train_films: int = 0
    valid_films: int = 0
    test_films: int = 0
    epochs: int = 0
    seconds: float | None = None
    source: str = ""


def expected_costs(plan: Plan, *, store: RunStore, threads: int = 0) -> tuple[CellCost, ...]:
    """Estimate each cell: epochs x (films to learn from + a third of those to watch) x the time of one film.

    That time comes from the newest finished training of the same architecture, input and batch on this device; where
    there is none, a few steps, forwards and backwards, are measured here and now, with random weights and
    without the reading of films. An early stop makes a cell cheaper; so does a faster machine.

    Parameters
    ----------
    plan
        Sound: :func:`workbench.batch.checks.plan_problems` found nothing.
    store
        Holds earlier trainings.
    threads
        That one run will have; 0 takes torch's own number.

    Returns
    -------
    tuple[CellCost, ...]
        In the order of the plan.
    """
    finished = [run for run in reversed(store.list()) if run.kind == "train" and run.status == "done"]
    known: dict[tuple[Any, ...], tuple[float | None, str]] = {}
    costs = []
    for cell in plan.cells:
        if "architecture" not in cell.train or "manifest" not in cell.train:
            costs.append(CellCost(cell.id, source="its notebook has neither architecture nor films"))
            continue
        key = tuple(cell.train.get(name) for name in SAME)
        if key not in known:
            known[key] = _earlier(cell.train, finished) or _measured(cell.train, threads)
        costs.append(_cost(cell, *known[key]))
    return tuple(costs)


def _cost(cell: Cell, film_s: float | None, source: str) -> CellCost:
    train, valid = (_count(cell.train, name) for name in ("train_split", "valid_split"))
    tested = sum(_count(cell.evaluate, name) for name in ("split", "other_split", "threshold_split"))
    epochs = int(cell.train.get("epochs", 1))
    passes = epochs * (train + FORWARD_SHARE * valid) + FORWARD_SHARE * tested
    seconds = None if film_s is None else passes * film_s + 2 * RUN_OVERHEAD_S
    return CellCost(cell.id, train, valid, tested, epochs, seconds, source)


def _count(parameters: Mapping[str, Any], name: str) -> int:
    splits = split_names(str(parameters.get(name, "")))
    return sum(case.split in splits for case in labelled_films(parameters)) if splits else 0


def _earlier(parameters: Mapping[str, Any], finished: list[Run]) -> tuple[float, str] | None:
    """Return the seconds of one film as the newest like training on this device had them."""
    import torch

    from workbench.training.result import read_result

    here = device_name(torch)
    for run in finished:
        alike = all(run.parameters.get(name) == parameters.get(name) for name in SAME)
        if not alike or run.environment.get("device") != here:
            continue
        try:
            result = read_result(run.folder)
        except WorkbenchError:
            continue
        films = len(result.history) * (result.train_films + FORWARD_SHARE * result.valid_films)
        if films:
            return result.seconds / films, f"the finished training {run.id}"
    return None


def _measured(parameters: Mapping[str, Any], threads: int) -> tuple[float | None, str]:
    """Return the seconds of one film in a step of two, after one that warms up."""
    import torch

    from workbench.imaging.named_recipes import named_recipe
    from workbench.models.zoo import build_classifier

    size = named_recipe(str(parameters.get("recipe", "default")), size=parameters.get("size") or None).size
    device = "cuda" if torch.cuda.is_available() and parameters.get("devices", "auto") != "cpu" else "cpu"
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads or before)
        network = build_classifier(str(parameters["architecture"])).module.to(device).train()
        films = torch.zeros(MEASURED_FILMS, 3, size, size, device=device)
        seconds = float("inf")
        with freed_memory_kept():  # as in a training
            for _ in range(MEASURED_STEPS):  # the shortest: others may be at work on this machine
                begun = time.perf_counter()
                network(films).square().mean().backward()
                if device == "cuda":
                    torch.cuda.synchronize()
                seconds = min(seconds, time.perf_counter() - begun)
    except RuntimeError as error:  # out of memory, or a network that cannot take films so small
        return None, f"cannot be measured here ({' '.join(str(error).split())[:80]})"
    finally:
        torch.set_num_threads(before)
    steps = f"the fastest of {MEASURED_STEPS} steps of {MEASURED_FILMS} films of {size} px"
    return seconds / MEASURED_FILMS, f"{steps}, measured here ({device})"
