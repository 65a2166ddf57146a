"""The parameters of a notebook: read from its tagged cell without running it, given values checked against them."""

import ast
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from workbench.core.errors import OptionError, RunError
from workbench.core.registry import unknown_name

OUT = "out"
"""Where a notebook writes its artefacts; set by the run, never by the user."""
TRUE_WORDS = ("true", "yes", "on", "1")
FALSE_WORDS = ("false", "no", "off", "0")
SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True)
class Parameter:
    """One line of the cell tagged ``parameters``: ``epochs: int = 10  # passes over the training films``."""

    name: str
    default: Any
    kind: type
    """str, int, float, bool or list."""
    element: type | None = None
    """Of a list's elements, if it is known."""
    optional: bool = False
    """None is allowed."""
    help: str = ""

    def value(self, given: Any) -> Any:
        """Return a given value as this parameter's type.

        Parameters
        ----------
        given
            A value, or its text from the command line: ``3``, ``yes``, ``cam,grad-cam``, ``none``.

        Returns
        -------
        A plain value that equals what was given.

        Raises
        ------
        OptionError
            It is of another type.
        """
        if self.optional and (given is None or given == "none"):
            return None
        if self.kind is list:
            return [_scalar(each, self.element or type(each), self) for each in self._elements(given)]
        return _scalar(given, self.kind, self)

    def _elements(self, given: Any) -> list[Any]:
        if isinstance(given, str) and given.lstrip().startswith("["):
            try:
                given = json.loads(given)
            except json.JSONDecodeError:
                raise _mistyped(self, given) from None
        elif isinstance(given, str):
            given = [each.strip() for each in given.split(",") if each.strip()]
        if not isinstance(given, list | tuple):
            raise _mistyped(self, given)
        return list(given)


def notebook_parameters(notebook: Path) -> dict[str, Parameter]:
    """Read the parameters of a notebook from its cell tagged ``parameters``; nothing is executed.

    Parameters
    ----------
    notebook
        An ``.ipynb`` of format 4.

    Returns
    -------
    Name -> parameter in the cell's order, ``out`` included where there is one: a dashboard has none.

    Raises
    ------
    RunError
        The file is not a notebook, has no such cell, or the cell holds more than literals.
    """
    cells = _read(notebook).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise RunError(f"{notebook}: has {len(tagged)} cells tagged 'parameters', wanted one")
    try:
        statements = ast.parse(tagged[0]).body
        found = [_parameter(statement, tagged[0]) for statement in statements if not _is_text(statement)]
    except (SyntaxError, ValueError) as error:
        raise RunError(f"{notebook}: its parameters cell must hold lines such as 'epochs = 3' ({error})") from error
    return {each.name: each for each in found}


def complete_parameters(notebook: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of a notebook but ``out``: the given values checked, the defaults for the rest.

    Parameters
    ----------
    notebook
        The notebook.
    given
        Name -> value, or text from the command line.

    Returns
    -------
    Name -> value in the notebook's order; this is what a run records.

    Raises
    ------
    UnknownNameError
        No such parameter; the nearest name is offered.
    OptionError
        A value of the wrong type, or ``out``.
    RunError
        The notebook has no readable parameters.
    """
    known = notebook_parameters(notebook)
    known.pop(OUT, None)
    for name in given:
        if name == OUT:
            raise OptionError(f"{OUT!r} is the run's own folder and cannot be given; leave it out")
        if name not in known:
            raise unknown_name(f"parameter of {notebook.name}", name, known)
    return {name: each.value(given[name]) if name in given else each.default for name, each in known.items()}


def check_runnable(notebook: Path) -> None:
    """Raise a RunError unless the notebook can be a run: unless it says where its artefacts go."""
    if OUT not in notebook_parameters(notebook):
        raise RunError(
            f'{notebook}: has no parameter {OUT!r}, so it cannot be a run: add the line {OUT} = "" to the cell tagged '
            "'parameters', or open a dashboard by `workbench serve`"
        )


def notebook_folder() -> Path:
    """Return where the workbench's notebooks lie: beside the package, in the checkout that it is installed from."""
    return Path(__file__).resolve().parents[2] / "notebooks"


def cell_count(notebook: Path) -> int:
    """Return how many cells a notebook has."""
    return len(_read(notebook).cells)


def _read(notebook: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(notebook, as_version=4)
    except FileNotFoundError:
        raise RunError(f"{notebook}: no such notebook") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise RunError(f"{notebook}: is not a notebook ({' '.join(str(error).split())[:120]})") from error


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _parameter(statement: ast.stmt, source: str) -> Parameter:
    """Read ``name = literal  # help`` or ``name: type = literal  # help``."""
    target: ast.expr | None = None
    value: ast.expr | None = None
    annotation = ""
    if isinstance(statement, ast.AnnAssign):
        target, value, annotation = statement.target, statement.value, ast.unparse(statement.annotation)
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    if value is None or not isinstance(target, ast.Name):
        raise ValueError(f"line {statement.lineno} is something else")
    default = ast.literal_eval(value)
    kind, element, optional = _type(annotation, default)
    help_text = source.splitlines()[(statement.end_lineno or statement.lineno) - 1].partition("#")[2].strip()
    return Parameter(target.id, default, kind, element, optional=optional, help=help_text)


def _type(annotation: str, default: Any) -> tuple[type, type | None, bool]:
    """Return the type, that of a list's elements, and whether None is allowed."""
    words = [word.strip() for word in annotation.split("|")]
    optional = "None" in words or default is None
    name = next((word for word in words if word not in ("", "None")), "")
    if name.startswith("list"):
        return list, SCALARS.get(name[5:-1]), optional
    if name in SCALARS:
        return SCALARS[name], None, optional
    if isinstance(default, list | tuple):
        return list, type(default[0]) if default else None, optional
    if default is None or type(default).__name__ not in SCALARS:
        raise ValueError(f"the type of {default!r} is not clear; annotate it, as in 'limit: int | None = None'")
    return type(default), None, optional


def _scalar(given: Any, kind: type, parameter: Parameter) -> Any:
    if isinstance(given, str) and kind is not str:
        return _parsed(given, kind, parameter)
    if kind is float and type(given) is int:
        return float(given)
    if type(given) is not kind or given != given:  # NaN is no value: it would not even equal itself
        raise _mistyped(parameter, given)
    return given


def _parsed(text: str, kind: type, parameter: Parameter) -> Any:
    word = text.strip().lower()
    if kind is bool and word in TRUE_WORDS + FALSE_WORDS:
        return word in TRUE_WORDS
    try:
        value = kind(word) if kind in (int, float) else None
    except ValueError:
        value = None
    if value is None or not math.isfinite(value):
        raise _mistyped(parameter, text)
    return value


def _mistyped(parameter: Parameter, given: Any) -> OptionError:
    wanted = f"list of {parameter.element.__name__}" if parameter.element else parameter.kind.__name__
    return OptionError(
        f"parameter {parameter.name}: {given!r} is a {type(given).__name__}, "
        f"wanted {wanted} such as {parameter.default!r}"
    )
