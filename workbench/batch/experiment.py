"""An experiment as a YAML file: what to train, on what, evaluated how, beside which published table."""

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from workbench.core.errors import OptionError
from workbench.core.registry import unknown_name

MOST_BYTES = 1_000_000
MOST_CELLS = 1000
STEPS = ("train", "evaluate")
"""What is done for each cell; ``compare`` comes after all of them."""
NOTEBOOKS = {"train": "30_train.ipynb", "evaluate": "40_evaluate.ipynb", "compare": "60_compare.ipynb"}
SCALES = ("paper", "small", "smoke")
CELL_ID = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,79}")


class ExperimentError(OptionError):
    """An experiment that cannot be run: every problem of it, before anything has started.

    Parameters
    ----------
    source
        The file.
    problems
        One line each.
    """

    def __init__(self, source: Path, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        count = f"{len(self.problems)} errors: " if len(self.problems) > 1 else ""
        super().__init__(f"{source}: {count}{'; '.join(self.problems)}")


@dataclass(frozen=True)
class Scale:
    """Other numbers and another data set for the same experiment.

    Parameters
    ----------
    data, train, evaluate, compare
        As those of the experiment, and in their place.
    cells
        Ids of the listed cells that are kept; none keeps all.
    grid
        Axis -> the values that are kept, or other numbers.
    memory_gb
        What one run may need; decides how many run at once.
    """

    data: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    evaluate: dict[str, Any] = field(default_factory=dict)
    compare: dict[str, Any] = field(default_factory=dict)
    cells: list[str] = field(default_factory=list)
    grid: dict[str, list[Any]] = field(default_factory=dict)
    memory_gb: float = 4.0


@dataclass(frozen=True)
class Experiment:
    """What an experiment file says; nothing in it has been compared with notebooks or data yet.

    Parameters
    ----------
    source
        The file.
    title
        For readers.
    paper
        Whose experiment it is.
    published
        Names of the published tables that stand beside ours.
    notebooks
        Step -> file name, beside the experiment or one of the workbench's own.
    data, train, evaluate, compare
        Parameters: of every notebook that has them, and of the notebook of each step.
    cells
        Each a model: ``id`` and the parameters in which it differs, given to every notebook that has them.
    grid
        Parameter -> values; every cell is done with every combination.
    unstated
        What the paper leaves open, and what was chosen.
    scale
        Presets by name.
    """

    source: Path
    title: str = ""
    paper: str = ""
    published: list[str] = field(default_factory=list)
    notebooks: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    evaluate: dict[str, Any] = field(default_factory=dict)
    compare: dict[str, Any] = field(default_factory=dict)
    cells: list[dict[str, Any]] = field(default_factory=list)
    grid: dict[str, list[Any]] = field(default_factory=dict)
    unstated: list[dict[str, str]] = field(default_factory=list)
    scale: dict[str, Scale] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.source.stem


def read_experiment(path: Path) -> tuple[Experiment, list[str]]:
    """Read an experiment strictly: unknown keys, doubled keys and wrong kinds are problems.

    Parameters
    ----------
    path
        A YAML file of at most 1 MB, without anchors and tags.

    Returns
    -------
    tuple[Experiment, list[str]]
        What could be read, and every problem in it, so that all of them are told together.

    Raises
    ------
    ExperimentError
        The file is not YAML, or not a mapping.
    """
    content = _content(path)
    if not isinstance(content, dict):
        raise ExperimentError(path, [f"is a {type(content).__name__}; wanted keys such as title, train, cells"])
    problems: list[str] = []
    known = _known(content, Experiment, "", problems, without="source")
    known["scale"] = {
        name: _known(given, Scale, f"scale {name}: ", problems)
        for name, given in known.get("scale", {}).items()
        if _is_scale(name, given, problems)
    }
    problems += [] if known.get("title") else ["title is missing"]
    for name in known.get("notebooks", {}):
        problems += [] if name in NOTEBOOKS else [str(unknown_name("notebook's step", name, NOTEBOOKS))]
    known["published"] = [str(number) for number in known.get("published", [])]
    known["cells"] = _sound_cells(known.get("cells", []), problems)
    known["grid"] = _sound_grid(known.get("grid", {}), problems)
    known["unstated"] = _sound_choices(known.get("unstated", []), problems)
    for name, scale in known["scale"].items():
        known["scale"][name] = _sound_scale(scale, known, f"scale {name}: ", problems)
    return Experiment(source=path, **known), problems


class _StrictLoader(yaml.SafeLoader):
    """Plain values only: an alias could stand for millions of nodes, and of two equal keys one would be lost."""

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(
                None, None, "an alias; write it out", parent.start_mark if parent else None
            )
        return super().compose_node(parent, index)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        doubled = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
        if doubled is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{doubled!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _content(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ExperimentError(path, [f"has more than {MOST_BYTES:,} bytes, which no experiment needs"])
        loader = _StrictLoader(path.read_text(encoding="utf-8"))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except FileNotFoundError:
        raise ExperimentError(path, ["no such file"]) from None
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:  # TypeError: a list as a key
        if isinstance(error, ExperimentError):
            raise
        raise ExperimentError(path, [f"not readable as YAML ({' '.join(str(error).split())[:200]})"]) from error


def _known(given: dict[str, Any], kind: type, where: str, problems: list[str], *, without: str = "") -> dict[str, Any]:
    """Return the entries that a dataclass has, each of its field's kind; the others become problems."""
    wanted = {each.name: each for each in fields(kind) if each.name != without}
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key not in wanted:
            problems.append(where + str(unknown_name("key of an experiment", str(key), wanted)))
            continue
        factory = wanted[key].default_factory
        default = factory() if callable(factory) else wanted[key].default
        is_number = isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool)
        if is_number:
            found[key] = float(value)
        elif isinstance(value, type(default)):
            found[key] = {str(name): each for name, each in value.items()} if isinstance(value, dict) else value
        elif value is not None:
            problems.append(f"{where}{key} is a {type(value).__name__}; wanted a {type(default).__name__}")
    return found


def _is_scale(name: Any, given: Any, problems: list[str]) -> bool:
    if name not in SCALES:
        problems.append(str(unknown_name("scale", str(name), SCALES)))
    elif not isinstance(given, dict):
        problems.append(f"scale {name} is a {type(given).__name__}; wanted keys such as data, train (or {{}})")
    else:
        return True
    return False


def _sound_cells(cells: list[Any], problems: list[str]) -> list[dict[str, Any]]:
    sound: dict[str, dict[str, Any]] = {}
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict):
            problems.append(f"cell {number} is a {type(cell).__name__}; wanted id and parameters")
        elif not CELL_ID.fullmatch(str(cell.get("id", ""))):
            problems.append(f"cell {number}: id {cell.get('id')!r}; wanted lower case letters, digits and . + _ -")
        elif str(cell["id"]) in sound:
            problems.append(f"cell {number}: id {cell['id']!r} occurs twice")
        else:
            sound[str(cell["id"])] = {str(key): value for key, value in cell.items()} | {"id": str(cell["id"])}
    return list(sound.values())


def _sound_grid(grid: dict[str, Any], problems: list[str]) -> dict[str, list[Any]]:
    sound: dict[str, list[Any]] = {}
    for axis, values in grid.items():
        if not isinstance(values, list) or not values:
            problems.append(f"grid: {axis} is {str(values)[:40]!r}; wanted a list of values")
        elif any(not isinstance(each, str | int | float) for each in values):
            problems.append(f"grid: {axis} holds something other than texts, numbers and yes or no")
        elif len(set(values)) < len(values):
            problems.append(f"grid: {axis} holds a value twice")
        else:
            sound[axis] = values
    return sound


def _sound_choices(unstated: list[Any], problems: list[str]) -> list[dict[str, str]]:
    sound = []
    for each in unstated:
        if isinstance(each, dict) and set(each) == {"what", "chosen"}:
            sound.append({key: str(text) for key, text in each.items()})
        else:
            problems.append(f"unstated: {str(each)[:80]!r}; wanted {{what: ..., chosen: ...}}")
    return sound


def _sound_scale(given: dict[str, Any], known: dict[str, Any], where: str, problems: list[str]) -> Scale:
    """Return a scale whose cells and axes are the experiment's."""
    ids = [cell["id"] for cell in known["cells"]]
    cells = [str(each) for each in given.get("cells", [])]
    problems += [where + str(unknown_name("cell", each, ids)) for each in cells if each not in ids]
    wrong: list[str] = []
    grid = _sound_grid(given.get("grid", {}), wrong)
    for axis, values in grid.items():
        if axis not in known["grid"]:
            wrong.append(str(unknown_name("axis of the grid", axis, known["grid"])))
        elif not all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
            texts = [str(each) for each in known["grid"][axis]]
            strangers = [str(each) for each in values if each not in known["grid"][axis]]
            wrong += [f"grid: {axis}: {unknown_name('value', each, texts)}" for each in strangers]
    problems += [where + each for each in wrong]
    if not 0 < given.get("memory_gb", 1.0) < float("inf"):
        problems.append(f"{where}memory_gb {given['memory_gb']} is not a positive number")
    return Scale(**given | {"cells": cells, "grid": grid})
