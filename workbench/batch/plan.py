"""A sweep as a list: every cell of an experiment with all parameters of its two notebooks."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.batch.experiment import (
    CELL_ID,
    MOST_CELLS,
    NOTEBOOKS,
    STEPS,
    Experiment,
    ExperimentError,
    Scale,
    read_experiment,
)
from workbench.batch.parameters import OUT, Parameter, check_runnable, notebook_folder, notebook_parameters
from workbench.core.errors import OptionError, ReaderError, RunError, WorkbenchError
from workbench.core.files import read_json, write_json
from workbench.core.registry import unknown_name

PLAN_FILE = "plan.json"
FROM_CELL = "cell:"
"""``weights: cell:all`` starts from what the cell ``all`` has learned."""
OF_DATA = ("manifest", "root", "body_part", "weights")
"""What a scale may change besides numbers and names of splits: the data set, and the weights that are at hand."""
OF_SWEEP = {"train": (), "evaluate": ("run",), "compare": ("runs", "sweep")}
"""Parameters that the sweep itself gives."""

Parameters = dict[str, dict[str, Parameter]]
"""Step -> parameters of its notebook by name."""


@dataclass(frozen=True)
class Cell:
    """One model: trained by one run, evaluated by another.

    Parameters
    ----------
    id
        Readable, and a file's name.
    values
        The parameters in which it differs from the other cells.
    train, evaluate
        Every parameter of the two notebooks, but what only an earlier run can tell.
    """

    id: str
    values: dict[str, Any]
    train: dict[str, Any]
    evaluate: dict[str, Any]

    @property
    def needs(self) -> str:
        """The cell from whose weights this one starts, empty where there is none."""
        weights = str(self.train.get("weights", ""))
        return weights.removeprefix(FROM_CELL) if weights.startswith(FROM_CELL) else ""


@dataclass(frozen=True)
class Plan:
    """What a sweep is going to do.

    Parameters
    ----------
    experiment
        Name of the experiment's file.
    title, paper, published, unstated
        As the experiment says.
    scale
        ``paper``, ``small`` or ``smoke``.
    notebooks
        Step -> path.
    cells
        In an order in which none comes before the one that it starts from.
    compare
        Parameters of the comparing notebook.
    memory_gb
        What one run may need.
    """

    experiment: str
    title: str
    paper: str
    published: tuple[str, ...]
    unstated: tuple[dict[str, str], ...]
    scale: str
    notebooks: dict[str, str]
    cells: tuple[Cell, ...]
    compare: dict[str, Any] = field(default_factory=dict)
    memory_gb: float = 4.0

    @property
    def heading(self) -> str:
        """The title with data and scale, without which a figure of a small try could pass for the paper's."""
        data = sorted({Path(str(cell.train["manifest"])).stem for cell in self.cells if cell.train.get("manifest")})
        return f"{self.title} ({', '.join([self.scale, *data])})"

    def cell(self, name: str) -> Cell:
        """Return a cell by its id; an UnknownNameError offers the nearest."""
        found = next((cell for cell in self.cells if cell.id == name), None)
        if found is None:
            raise unknown_name("cell", name, [cell.id for cell in self.cells])
        return found

    def write(self, folder: Path) -> None:
        """Write ``plan.json``."""
        write_json(folder / PLAN_FILE, asdict(self))


def read_plan(folder: Path) -> Plan:
    """Read what :meth:`Plan.write` wrote; a RunError where there is no plan."""
    try:
        content = read_json(folder / PLAN_FILE)
        cells = tuple(Cell(**each) for each in content.pop("cells"))
        published, unstated = (tuple(content.pop(key)) for key in ("published", "unstated"))
        return Plan(cells=cells, published=published, unstated=unstated, **content)
    except (ReaderError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder}: is not the folder of a sweep ({error})") from error


def plan_experiment(
    path: Path,
    *,
    scale: str = "paper",
    given: Mapping[str, Any] | None = None,
    check: Callable[[Plan], Iterable[str]] | None = None,
) -> Plan:
    """Read an experiment and write out what it means at a scale; nothing is started.

    Parameters
    ----------
    path
        The YAML file.
    scale
        One of the experiment's presets; ``paper`` is the experiment as it stands where it has no such preset.
    given
        Parameters by name in place of the experiment's: where the films lie, for one. Of a grid's axis several values,
        parted by commas; what one of its cells says for itself stays.
    check
        Looks for further problems, which are told together with these: :func:`workbench.batch.checks.plan_problems`
        looks at films and architectures.

    Returns
    -------
    Plan
        Complete and of the right types.

    Raises
    ------
    ExperimentError
        Everything that is wrong, together.
    """
    experiment, problems = read_experiment(path)
    if scale not in ("paper", *experiment.scale):
        problems.append(str(unknown_name("scale of this experiment", scale, {"paper", *experiment.scale})))
    chosen = experiment.scale.get(scale, Scale())
    notebooks, parameters = _notebooks(experiment, problems)
    if len(parameters) < len(NOTEBOOKS):
        raise ExperimentError(path, problems)
    planning = _Planning(experiment, chosen, scale, dict(given or {}), parameters, problems)
    plan = Plan(
        experiment=experiment.name,
        title=experiment.title,
        paper=experiment.paper,
        published=tuple(map(str, experiment.published)),
        unstated=tuple(experiment.unstated),
        scale=scale,
        notebooks=notebooks,
        cells=planning.cells(),
        compare=planning.complete("compare", {}, "compare: "),
        memory_gb=chosen.memory_gb,
    )
    problems += check(plan) if check else ()
    if problems:
        raise ExperimentError(path, problems)
    return plan


def _notebooks(experiment: Experiment, problems: list[str]) -> tuple[dict[str, str], Parameters]:
    """Find the notebooks beside the experiment or among the workbench's own, and read their parameters."""
    paths: dict[str, str] = {}
    parameters: Parameters = {}
    for step, usual in NOTEBOOKS.items():
        name = str(experiment.notebooks.get(step, usual))
        folders = (experiment.source.parent, notebook_folder())
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is None:
            problems.append(f"{step}: no notebook {name} in {' or '.join(map(str, folders))}")
            continue
        try:
            check_runnable(path)
            parameters[step] = notebook_parameters(path)
            parameters[step].pop(OUT)
        except WorkbenchError as error:
            problems.append(str(error))
        paths[step] = str(path.resolve())
    return paths, parameters


@dataclass
class _Planning:
    """Spreads an experiment out into cells; collects what is wrong."""

    experiment: Experiment
    scale: Scale
    scale_name: str
    given: dict[str, Any]
    parameters: Parameters
    problems: list[str]

    def __post_init__(self) -> None:
        everywhere = {name for known in self.parameters.values() for name in known}
        for where, section in (("data", self.experiment.data), ("-p", self.given)):
            self._refuse_unknown(where, section, everywhere)
        of_cells = set(self.parameters["train"]) | set(self.parameters["evaluate"])
        for cell in self.experiment.cells:
            self._refuse_unknown(f"cell {cell['id']}", {key: cell[key] for key in cell if key != "id"}, of_cells)
        self._refuse_unknown("grid", self.experiment.grid, of_cells)
        for step in NOTEBOOKS:
            self._refuse_unknown(step, getattr(self.experiment, step), self.parameters[step])
        self._check_scale(everywhere)

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells in the order in which they can be done."""
        grid = {axis: self._axis(axis, values) for axis, values in (self.experiment.grid | self.scale.grid).items()}
        listed = [cell for cell in self.experiment.cells if not self.scale.cells or cell["id"] in self.scale.cells]
        if not listed and not grid:
            self.problems.append("has neither cells nor a grid: nothing to train")
        combinations = list(itertools.product(*grid.values()))
        if len(combinations) * max(1, len(listed)) > MOST_CELLS:
            self.problems.append(f"has more than {MOST_CELLS} cells")
            return ()
        values = [
            cell | dict(zip(grid, combination, strict=True))
            for cell in listed or [{}]
            for combination in combinations
            if cell or combination
        ]
        found = [self._cell(each, list(grid)) for each in values]
        ids = [cell.id for cell in found]
        self.problems.extend(f"two cells are called {name}" for name in {each for each in ids if ids.count(each) > 1})
        return self._ordered(found)

    def complete(self, step: str, cell: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return every parameter of a step's notebook: default < data < step < scale < given < cell."""
        known = self.parameters[step]
        layers = (
            self.experiment.data, getattr(self.experiment, step), self.scale.data, getattr(self.scale, step),
            self.given, cell,
        )  # fmt: skip
        wanted = {name: value for layer in layers for name, value in layer.items() if name in known}
        values = {}
        for name, parameter in known.items():
            try:
                values[name] = parameter.value(wanted[name]) if name in wanted else parameter.default
            except OptionError as error:
                self.problems.append(f"{where}{error}")
        return values

    def _axis(self, axis: str, values: list[Any]) -> list[Any]:
        """Return the values of a grid's axis, or those given in their place, parted by commas."""
        parameter = (self.parameters["train"] | self.parameters["evaluate"]).get(axis)
        if axis not in self.given or parameter is None:
            return values
        try:
            return [parameter.value(text.strip()) for text in str(self.given[axis]).split(",")]
        except OptionError as error:
            self.problems.append(f"-p: {error}")
            return values

    def _cell(self, given: dict[str, Any], axes: list[str]) -> Cell:
        parts = [str(given["id"])] if "id" in given else []
        name = "-".join([*parts, *(_word(axis, given[axis]) for axis in axes)])
        if not CELL_ID.fullmatch(name):
            self.problems.append(f"cell {name!r}: cannot be a name; wanted at most 80 letters, digits and . + _ -")
        values = {key: value for key, value in given.items() if key != "id"}
        train, evaluate = (self.complete(step, values, f"cell {name}: ") for step in STEPS)
        if train.get("name") == "":
            train["name"] = name
        return Cell(name, values, train, evaluate)

    def _ordered(self, cells: list[Cell]) -> tuple[Cell, ...]:
        """Put each cell behind the one whose weights it needs."""
        by_id = {cell.id: cell for cell in cells}
        done: dict[str, Cell] = {}
        left = []
        for cell in cells:
            if cell.needs and cell.needs not in by_id:
                self.problems.append(f"cell {cell.id}: weights: {unknown_name('cell', cell.needs, by_id)}")
            else:
                left.append(cell)
        while left:
            ready = [cell for cell in left if not cell.needs or cell.needs in done]
            if not ready:
                around = ", ".join(cell.id for cell in left)
                self.problems.append(f"cells {around}: start from each other's weights, or from a cell that cannot be")
                break
            done |= {cell.id: cell for cell in ready}
            left = [cell for cell in left if cell.id not in done]
        return tuple(done.values())

    def _refuse_unknown(self, where: str, section: Mapping[str, Any], known: Iterable[str]) -> None:
        of_sweep = {name for names in OF_SWEEP.values() for name in names}
        for name in section:
            if name in of_sweep or name == OUT:
                self.problems.append(f"{where}: {name} is given by the sweep itself; leave it out")
            elif name not in set(known):
                self.problems.append(f"{where}: {unknown_name('parameter', str(name), set(known) - of_sweep)}")

    def _check_scale(self, everywhere: set[str]) -> None:
        for section in ("data", *NOTEBOOKS):
            changed: dict[str, Any] = getattr(self.scale, section)
            where = f"scale {self.scale_name}: {section}"
            self._refuse_unknown(where, changed, everywhere if section == "data" else self.parameters[section])
            for name in changed:
                kinds = {known[name].kind for known in self.parameters.values() if name in known}
                if kinds and not kinds <= {int, float} and name not in OF_DATA and not name.endswith("split"):
                    self.problems.append(f"{where}: {name}: a scale changes numbers and the data set only")


def _word(axis: str, value: Any) -> str:
    """Return a value as part of a cell's name: texts as they are, numbers after what they are of."""
    word = re.sub(r"[^a-z0-9.+_]+", "-", str(value).lower()).strip("-")
    return word if isinstance(value, str) else f"{axis.replace('_', '-')}-{word}"
