"""What visitors of a served dashboard get: a copy with parameters set, no code of others, errors as sentences."""

import ast
import logging
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workbench.core.errors import OptionError, RunError, UnknownNameError
from workbench.dashboards.serving import serve as serving
from workbench.dashboards.serving.serve import LOOPBACK, KernelsHere, serve, server_config
from workbench.dashboards.serving.served_notebook import TELL, problem_html, write_served_notebook

TEMPLATES = Path(serving.__file__).parent / "voila" / "templates" / serving.TEMPLATE
REMOTE = re.compile(r"(https?:)?//(?!www\.w3\.org)[a-z0-9-]+\.[a-z]", re.IGNORECASE)
EVIL = "'; import os; os.system('touch hacked')  # \\"


@pytest.fixture
def notebook(tmp_path):
    parameters = 'run: str = "latest"  # which\ncount: int = 3  # how many\nnames: list[str] = []  # whose'
    cells = [
        new_markdown_cell("Words\n\n# A title\n\nMore"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        new_code_cell("print(run, count)"),
    ]
    path = tmp_path / "notebooks" / "00_show.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=cells), path)
    return path


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def test_the_copy_has_parameters_and_a_title_and_leaves_the_notebook_alone(notebook, tmp_path):
    before = notebook.read_bytes()
    copy = write_served_notebook(notebook, {"count": "5", "names": "a,b"}, tmp_path)
    assert copy == tmp_path / "00_show.ipynb"
    assert sources(copy) == [
        TELL,
        *sources(notebook)[:2],
        "run = 'latest'\ncount = 5\nnames = ['a', 'b']",
        "print(run, count)",
    ]
    assert nbformat.read(copy, as_version=4).metadata["title"] == "A title"
    assert notebook.read_bytes() == before


def test_texts_stay_texts(notebook, tmp_path):
    copy = write_served_notebook(notebook, {"run": EVIL, "names": [EVIL]}, tmp_path, tracebacks=True)
    assert TELL not in sources(copy)
    said = {each.targets[0].id: ast.literal_eval(each.value) for each in ast.parse(sources(copy)[2]).body}
    assert said == {"run": EVIL, "count": 3, "names": [EVIL]}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"runs": "x"}, UnknownNameError, "did you mean 'run'"),
        ({"count": "many"}, OptionError, "wanted int"),
    ],
)
def test_bad_parameters_are_refused_before_anything_starts(notebook, given, error, message):
    with pytest.raises(error, match=message):
        serve(notebook, given)


def test_no_notebook_is_refused(tmp_path):
    with pytest.raises(RunError, match="no such notebook"):
        serve(tmp_path / "gone.ipynb", {})


def test_only_this_machine_behind_a_token():
    config = server_config(port=9999)
    assert (config.Voila.ip, config.Voila.port, config.Voila.auto_token) == (LOOPBACK, 9999, True)
    assert config.Voila.tornado_settings["allow_remote_access"] is False
    assert "default-src 'self'" in config.Voila.tornado_settings["headers"]["Content-Security-Policy"]
    assert config.Voila.config_file_paths == []
    assert config.VoilaConfiguration.show_tracebacks is False
    assert server_config(debug=True).VoilaConfiguration.show_tracebacks is True
    assert config.MappingKernelManager.cull_idle_timeout > 0


def test_kernels_work_where_the_command_was_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert KernelsHere(log=logging.getLogger("kernels")).cwd_for_path("/elsewhere") == os.fspath(tmp_path)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.*")), ids=lambda path: path.name)
def test_our_template_names_no_other_machine(path):
    assert REMOTE.search('<link href="https://cdn.example.net/a.css">')
    assert REMOTE.search("@import '//cdn.example.net/a.css'")
    assert not REMOTE.search(path.read_text())


def test_problems_are_sentences_with_data_escaped():
    ours = problem_html(RunError("<b>run</b>: no such run"))
    assert "&lt;b&gt;run&lt;/b&gt;: no such run</p>" in ours
    assert "RunError" not in ours
    assert "ZeroDivisionError: division by zero" in problem_html(ZeroDivisionError("division by zero"))
    assert "(KeyError)" in problem_html(KeyError())
