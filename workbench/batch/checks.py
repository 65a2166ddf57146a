"""Whether every cell of a plan can be begun: architectures, options, weights, films with both classes in each split."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from workbench.batch.plan import FROM_CELL, Cell, Plan
from workbench.core.errors import ModelError, WorkbenchError
from workbench.core.files import project_path
from workbench.core.manifest import Manifest, read_manifest
from workbench.core.registry import unknown_name

NAMED_CELLS = 3
"""So many cells are named where one and the same thing is wrong with several."""


def plan_problems(plan: Plan) -> list[str]:
    """Return everything that would make a cell fail and can be known before it is begun, one line each.

    Only parameters that the notebooks have are looked at; films are not opened, but must be there.

    Parameters
    ----------
    plan
        Its parameters are of the right types already.

    Returns
    -------
    list[str]
        Empty where all is well. Cells with the same problem share a line.
    """
    cells_by_problem: dict[str, list[str]] = {}
    for cell in plan.cells:
        for problem in dict.fromkeys(_cell_problems(cell)):
            cells_by_problem.setdefault(problem, []).append(cell.id)
    problems = [f"{_names(cells, len(plan.cells))}: {problem}" for problem, cells in cells_by_problem.items()]
    return problems + list(_published_problems(plan))


def plan_notes(plan: Plan) -> list[str]:
    """Return what need not stop a sound plan, but would on a machine without a network: weights to be downloaded.

    Parameters
    ----------
    plan
        Without problems.

    Returns
    -------
    list[str]
        A line with the cells and the command that fetches their weights beforehand; empty where all are here.
    """
    from workbench.models.zoo import imagenet_file

    wanted = {cell.id: cell.train["architecture"] for cell in plan.cells if _wants_imagenet(cell.train)}
    absent = {name for name in dict.fromkeys(wanted.values()) if imagenet_file(name) is None}
    cells = [cell for cell, name in wanted.items() if name in absent]
    if not cells:
        return []
    names = " ".join(name for name in dict.fromkeys(wanted.values()) if name in absent)
    return [
        f"{_names(cells, len(plan.cells))}: ImageNet weights are not on this machine yet; each is downloaded when "
        f"its first cell starts, or now by `workbench weights fetch {names}`"
    ]


def labelled_films(parameters: Mapping[str, Any]) -> Manifest:
    """Return the films that a notebook of these parameters takes, of every split; unlabelled ones are left out."""
    from workbench.data.subsets import select_films

    films = _manifest(str(parameters["manifest"]), str(parameters.get("root", "")))
    given = {name: parameters[name] for name in ("body_part", "limit", "hold_out") if name in parameters}
    chosen = select_films(films, **given)
    if parameters.get("train_limit"):
        chosen = select_films(chosen, limit=parameters["train_limit"], limited=[parameters["train_split"]])
    return chosen.where(case for case in chosen if case.label is not None)


def split_names(text: str) -> list[str]:
    """Return the splits that a parameter names; a comma joins several."""
    return [each.strip() for each in text.split(",") if each.strip()]


def _cell_problems(cell: Cell) -> Iterator[str]:
    for check in (_architecture, _recipe, _options, _weights, _films):
        yield from check(cell.train)
    yield from _films(cell.evaluate)


def _architecture(parameters: Mapping[str, Any]) -> Iterator[str]:
    from workbench.models.architectures import ARCHITECTURES
    from workbench.models.head import HEADS

    if "architecture" in parameters and parameters["architecture"] not in ARCHITECTURES:
        yield str(unknown_name("architecture", parameters["architecture"], ARCHITECTURES))
    if "head" in parameters and parameters["head"] not in HEADS:
        yield str(unknown_name("head", parameters["head"], HEADS))


def _recipe(parameters: Mapping[str, Any]) -> Iterator[str]:
    from workbench.imaging.named_recipes import named_recipe

    if "recipe" not in parameters:
        return
    changes = {name: parameters[name] for name in ("fit", "normalisation", "histogram") if parameters.get(name)}
    try:
        named_recipe(parameters["recipe"], size=parameters.get("size") or None, **changes)
    except WorkbenchError as error:
        yield str(error)


def _options(parameters: Mapping[str, Any]) -> Iterator[str]:
    from workbench.training.options import TrainingOptions

    for each in fields(TrainingOptions):
        if each.name in parameters:
            try:
                TrainingOptions(**{each.name: parameters[each.name]})
            except WorkbenchError as error:
                yield str(error)


def _weights(parameters: Mapping[str, Any]) -> Iterator[str]:
    from workbench.models.zoo import imagenet_file, weights_file

    weights, architecture = parameters.get("weights", "random"), parameters.get("architecture", "")
    try:
        if _wants_imagenet(parameters):
            imagenet_file(architecture)
        elif weights not in ("random", "imagenet") and not weights.startswith(FROM_CELL):
            weights_file(weights, architecture)
    except ModelError as error:
        yield str(error)


def _wants_imagenet(parameters: Mapping[str, Any]) -> bool:
    """Return whether weights for ImageNet are wanted, of an architecture that there is."""
    from workbench.models.architectures import ARCHITECTURES

    return parameters.get("weights") == "imagenet" and parameters.get("architecture") in ARCHITECTURES


def _films(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Check the splits that the parameters name: they hold films, of a normal and an abnormal class."""
    names = {key: split_names(value) for key, value in parameters.items() if key.endswith("split") and value}
    if "manifest" not in parameters or not names:
        return
    try:
        films = labelled_films(parameters)
    except WorkbenchError as error:
        yield str(error)
        return
    part = f" of {parameters['body_part']}" if parameters.get("body_part") else ""
    for key, splits in names.items():
        for split in splits:
            yield from (f"{key} {split!r}: {films.name}{part} {problem}" for problem in _split_problems(films, split))
    first = films.path(films[0]) if len(films) else None
    if first is not None and not first.is_file():
        yield f"{films.name}: its films are not in {films.root} (the first would be {first}); give root"


def _split_problems(films: Manifest, split: str) -> Iterator[str]:
    cases = [case for case in films if case.split == split]
    if not cases:
        known = ", ".join(sorted({case.split for case in films})) or "none"
        yield f"has no labelled film in it; there are {known}"
        return
    kinds = {case.label in films.positive for case in cases}
    if len(kinds) == 1:
        only = "abnormal" if kinds == {True} else "normal"
        yield f"has only {only} films in it ({len(cases)}): nothing can be learned or measured there"


def _published_problems(plan: Plan) -> Iterator[str]:
    from workbench.evaluation.published import published_table

    for number in plan.published:
        try:
            published_table(plan.paper, number)
        except WorkbenchError as error:
            yield f"published: {error}"


def _manifest(path: str, root: str) -> Manifest:
    table = project_path(path)
    return _unchanged_manifest(path, root, table.stat().st_mtime_ns if table.is_file() else 0)


@lru_cache(maxsize=8)
def _unchanged_manifest(path: str, root: str, _changed_ns: int) -> Manifest:
    return read_manifest(path, root or None)


def _names(cells: list[str], total: int) -> str:
    if len(cells) == total > 1:
        return "every cell"
    shown = ", ".join(cells[:NAMED_CELLS])
    return shown + (f" and {len(cells) - NAMED_CELLS} more" if len(cells) > NAMED_CELLS else "")
