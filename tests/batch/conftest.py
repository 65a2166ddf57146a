"""Small notebooks, written on the spot."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.batch.tiny_notebooks import write_tiny_notebooks
from workbench.runs import RunStore

PARAMETERS = """
out = ""  # folder of the run
epochs = 3  # passes over the films
rate = 0.5
name = "plain"
flip = True
methods: list[str] = ["cam"]
limit: int | None = None  # at most so many cases
"""


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a notebook with the usual parameters and the given code cells."""

    def write(*codes: str, name: str = "30_train.ipynb", parameters: str = PARAMETERS) -> Path:
        tagged = new_code_cell(parameters.strip(), metadata={"tags": ["parameters"]})
        cells = [new_markdown_cell("# A small notebook"), tagged, *map(new_code_cell, codes)]
        nbformat.write(new_notebook(cells=cells), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def write_experiment(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an experiment beside three tiny notebooks."""
    write_tiny_notebooks(tmp_path)

    def write(text: str, name: str = "tiny.yaml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write
