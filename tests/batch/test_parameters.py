"""Parameters are read without running anything, and values are checked before anything starts."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from workbench.batch import complete_parameters, notebook_parameters
from workbench.batch.parameters import check_runnable
from workbench.core.errors import OptionError, RunError, UnknownNameError

DEFAULTS = {"epochs": 3, "rate": 0.5, "name": "plain", "flip": True, "methods": ["cam"], "limit": None}


def test_parameters_are_read_with_types_and_help(write_notebook: Callable[..., Path]) -> None:
    found = notebook_parameters(write_notebook())
    assert list(found) == ["out", *DEFAULTS]
    assert found["epochs"].help == "passes over the films"
    assert (found["methods"].kind, found["methods"].element) == (list, str)
    assert (found["limit"].kind, found["limit"].optional, found["limit"].help) == (int, True, "at most so many cases")


def test_defaults_complete_what_was_given(write_notebook: Callable[..., Path]) -> None:
    notebook = write_notebook()
    assert complete_parameters(notebook, {}) == DEFAULTS
    assert complete_parameters(notebook, {"epochs": 9}) == DEFAULTS | {"epochs": 9}


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("epochs", "12", 12),
        ("epochs", 12, 12),
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("name", "7", "7"),
        ("flip", "no", False),
        ("flip", "TRUE", True),
        ("flip", False, False),
        ("methods", "cam, grad-cam", ["cam", "grad-cam"]),
        ("methods", '["cam", "grad-cam"]', ["cam", "grad-cam"]),
        ("methods", ("cam",), ["cam"]),
        ("methods", "", []),
        ("limit", "none", None),
        ("limit", None, None),
        ("limit", "5", 5),
    ],
)
def test_texts_become_what_the_default_is(
    write_notebook: Callable[..., Path], name: str, given: object, value: object
) -> None:
    found = complete_parameters(write_notebook(), {name: given})[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("epochs", "three"),
        ("epochs", 3.0),
        ("epochs", True),
        ("epochs", None),
        ("rate", "nan"),
        ("rate", float("nan")),
        ("rate", "inf"),
        ("name", 7),
        ("flip", "maybe"),
        ("flip", 1),
        ("methods", 3),
        ("methods", [1, 2]),
        ("methods", "[cam"),
        ("limit", "many"),
    ],
)
def test_mistyped_values_are_refused_in_one_line(write_notebook: Callable[..., Path], name: str, given: object) -> None:
    with pytest.raises(OptionError, match=f"parameter {name}: .* wanted .* such as") as refused:
        complete_parameters(write_notebook(), {name: given})
    assert "\n" not in str(refused.value)


def test_unknown_parameter_gets_the_nearest_name(write_notebook: Callable[..., Path]) -> None:
    with pytest.raises(
        UnknownNameError, match=r"no parameter of 30_train\.ipynb is called 'epoch'; did you mean 'epochs'"
    ):
        complete_parameters(write_notebook(), {"epoch": 3})


def test_a_dashboard_has_parameters_but_is_no_run(write_notebook: Callable[..., Path]) -> None:
    dashboard = write_notebook(parameters="epochs = 3")
    assert complete_parameters(dashboard, {"epochs": "4"}) == {"epochs": 4}
    with pytest.raises(RunError, match="has no parameter 'out', so it cannot be a run"):
        check_runnable(dashboard)
    check_runnable(write_notebook())


def test_out_cannot_be_given(write_notebook: Callable[..., Path]) -> None:
    with pytest.raises(OptionError, match="cannot be given"):
        complete_parameters(write_notebook(), {"out": "elsewhere"})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ('out = ""\nepochs = 3 * len("abc")', "must hold lines such as"),
        ('out = ""\nimport os', "line 2 is something else"),
        ('out = ""\na = b = 3', "line 2 is something else"),
        ('out = ""\nlimit = None', "the type of None is not clear"),
        ('out = ""\nepochs = ', "must hold lines such as"),
    ],
)
def test_parameters_cell_with_more_than_literals_is_refused(
    write_notebook: Callable[..., Path], parameters: str, message: str
) -> None:
    with pytest.raises(RunError, match=message):
        notebook_parameters(write_notebook(parameters=parameters))


def test_notebook_without_tagged_cell_is_refused(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell('out = ""')]), tmp_path / "a.ipynb")
    with pytest.raises(RunError, match="has 0 cells tagged 'parameters'"):
        notebook_parameters(tmp_path / "a.ipynb")


@pytest.mark.parametrize(
    "content", [None, "", "no notebook", "[]", "{}", '{"nbformat": 4, "nbformat_minor": 5, "cells": 3}']
)
def test_file_that_is_no_notebook_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(RunError, match="notebook"):
        notebook_parameters(tmp_path / "a.ipynb")
