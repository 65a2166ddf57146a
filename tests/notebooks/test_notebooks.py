"""Notebooks are thin: parameters first, then calls; whatever is longer belongs into the library, where it is tested."""

import ast
from pathlib import Path

import nbformat
import pytest

from workbench.batch.parameters import notebook_parameters

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
DASHBOARDS = [path for path in NOTEBOOKS if path.stem < "20"]
"""They show and keep nothing, so that they are no runs and have no ``out``."""
MOST_LINES = 15
FORBIDDEN = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Try, ast.TryStar, ast.While,
)  # fmt: skip

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def nodes(path: Path) -> list[ast.AST]:
    """Return every node of the code after the parameters."""
    return [node for cell in code_cells(path)[1:] for node in ast.walk(ast.parse(cell.source))]


def forbidden(source: str) -> list[str]:
    return [type(node).__name__ for node in ast.walk(ast.parse(source)) if isinstance(node, FORBIDDEN)]


def test_the_notebooks_of_the_main_job_are_there():
    runs = {"30_train", "40_evaluate", "50_explain", "60_compare"}
    assert {path.stem for path in NOTEBOOKS} >= {"00_case_explorer", *runs}


@each_notebook
def test_the_first_code_cell_holds_annotated_commented_literals(path):
    first, *rest = code_cells(path)
    assert "parameters" in first.metadata.tags
    assert not [cell for cell in rest if "parameters" in cell.metadata.get("tags", [])]
    lines = first.source.splitlines()
    statements = ast.parse(first.source).body
    assert len(statements) == len(lines)
    for statement, line in zip(statements, lines, strict=True):
        assert isinstance(statement, ast.AnnAssign), line
        assert statement.value is not None, line
        ast.literal_eval(statement.value)
        assert line.partition("  # ")[2].strip(), line


@each_notebook
def test_every_parameter_is_read_with_its_words(path):
    parameters = notebook_parameters(path)
    assert list(parameters) == [each.target.id for each in ast.parse(code_cells(path)[0].source).body]
    assert ("out" in parameters) != (path in DASHBOARDS)
    if path not in DASHBOARDS:
        assert parameters["out"].default == ""
    for name, each in parameters.items():
        assert each.help, name
        assert each.value(each.default) == each.default, name


@each_notebook
def test_every_parameter_is_used(path):
    """One that nothing reads would be a promise that is not kept; others may read it from the run, by its name."""
    read = {node.id for node in nodes(path) if isinstance(node, ast.Name)}
    of_runs = {node.value for each in NOTEBOOKS for node in nodes(each) if isinstance(node, ast.Constant)}
    assert set(notebook_parameters(path)) <= read | of_runs


@each_notebook
def test_cells_are_short_calls(path):
    _, *rest = code_cells(path)
    for cell in rest:
        assert len(cell.source.splitlines()) <= MOST_LINES, cell.source
        assert forbidden(cell.source) == [], cell.source


@each_notebook
def test_nothing_of_a_run_is_kept(path):
    for cell in code_cells(path):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert not {"papermill", "execution"} & set(cell.metadata)
    assert "papermill" not in nbformat.read(path, as_version=4).metadata


@each_notebook
def test_it_begins_with_a_title_and_is_a_valid_notebook(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def f(): pass", "FunctionDef"),
        ("class A: pass", "ClassDef"),
        ("x = sorted(y, key=lambda z: z)", "Lambda"),
        ("try:\n    f()\nexcept E:\n    pass", "Try"),
        ("while x:\n    f()", "While"),
    ],
)
def test_what_is_forbidden_is_seen(source, kind):
    assert forbidden(source) == [kind]
