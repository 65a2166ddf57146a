"""A notebook becomes a run whatever happens in it: done, failed with the cell named, dead, interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import StringIO
from pathlib import Path

import nbformat
import pytest

from workbench.batch import find_run, run_notebook
from workbench.core.errors import OptionError, ReportError, RunError, UnknownNameError
from workbench.runs import RunStore, verify

Write = Callable[..., Path]

WRITE_FACTS = """
import json, os, sys
from pathlib import Path
facts = dict(python=sys.executable, folder=os.getcwd(), epochs=epochs, limit=limit)
facts["renderer"] = os.environ["PLOTLY_RENDERER"]
Path(out, "facts.json").write_text(json.dumps(facts))
print("epoch", epochs)
"""
RUN_IT = """
import sys
from pathlib import Path
from workbench.batch import run_notebook
from workbench.runs import RunStore
run_notebook(Path(sys.argv[1]), {}, store=RunStore(Path(sys.argv[2])))
"""
WAIT = """
import time
from pathlib import Path
try:
    Path(out, "at work").write_text("")
    time.sleep(600)
except KeyboardInterrupt:
    Path(out, "told").write_text("")
    raise
"""


def test_done_run_holds_notebook_report_and_artefacts(
    write_notebook: Write, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cells: list[tuple[int, int, str]] = []
    echo = StringIO()
    run = run_notebook(
        write_notebook(WRITE_FACTS),
        {"epochs": "7"},
        store=store,
        progress=lambda *seen: cells.append(seen),
        echo=echo.write,
    )
    assert (run.status, run.kind) == ("done", "train")
    assert run.parameters["epochs"] == 7
    assert "out" not in run.parameters
    assert sorted(run.artefacts) == ["executed.ipynb", "facts.json", "report.html"]
    assert verify(run) == []
    facts = json.loads(run.artefact("facts.json").read_text())
    assert facts == {
        "python": sys.executable,
        "folder": str(tmp_path),
        "epochs": 7,
        "limit": None,
        "renderer": "plotly_mimetype",
    }
    assert cells[0] == (0, 3, "# A small notebook")
    assert cells[-1] == (3, 3, "")
    assert "epoch 7" in echo.getvalue()
    report = run.artefact("report.html").read_text()
    assert "<h1>A small notebook</h1>" in report
    assert "epoch 7" in report
    assert run.id in report


@pytest.mark.parametrize(
    ("given", "error"), [({"epoch": 3}, UnknownNameError), ({"epochs": "x"}, OptionError), ({"out": "x"}, OptionError)]
)
def test_bad_parameters_leave_nothing_behind(
    write_notebook: Write, store: RunStore, given: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        run_notebook(write_notebook("print(1)"), given, store=store)
    assert not store.root.exists()


def test_failed_cell_is_named_and_everything_is_kept(write_notebook: Write, store: RunStore) -> None:
    notebook = write_notebook("x = epochs", "# divide\nx / 0", "print('never')")
    with pytest.raises(
        RunError, match=r"^30_train\.ipynb, cell 4 \(`# divide`\): ZeroDivisionError: division by zero$"
    ):
        run_notebook(notebook, {}, store=store)
    (run,) = store.list()
    assert run.status == "failed"
    assert "cell 4" in run.error
    executed = nbformat.read(run.artefact("executed.ipynb"), as_version=4)
    assert any(output.output_type == "error" for cell in executed.cells for output in cell.get("outputs", []))
    report = run.artefact("report.html").read_text()
    assert 'role="alert"' in report
    assert "ZeroDivisionError" in report
    assert "papermill" not in report


def test_dying_kernel_is_a_failed_run(write_notebook: Write, store: RunStore) -> None:
    notebook = write_notebook("import os\nos._exit(1)")
    with pytest.raises(RunError, match=r"the kernel died in 30_train\.ipynb, cell 3 \(`import os`\)"):
        run_notebook(notebook, {}, store=store)
    (run,) = store.list()
    assert run.status == "failed"
    assert "executed.ipynb" in run.artefacts


def test_dead_kernels_last_words_are_told(write_notebook: Write, store: RunStore) -> None:
    last_words = "import os, sys\nsys.__stderr__.write('no room left\\n')\nsys.__stderr__.flush()\nos._exit(1)"
    with pytest.raises(RunError, match="its last words: no room left"):
        run_notebook(write_notebook(last_words), {}, store=store)
    assert "no room left" in store.list()[0].artefact("kernel.log").read_text()


def test_kernel_that_never_starts_is_a_failed_run(
    write_notebook: Write, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.batch.kernel.LAUNCHER", "no_such_module")
    with pytest.raises(RunError, match=r"the kernel died in its first moments; its last words: .*no_such_module"):
        run_notebook(write_notebook("print(1)"), {}, store=store)
    assert store.list()[0].status == "failed"


def test_cell_that_takes_too_long_fails(write_notebook: Write, store: RunStore) -> None:
    with pytest.raises(RunError, match=r"cell 3 .* took longer than 1 s"):
        run_notebook(write_notebook("import time\ntime.sleep(600)"), {}, store=store, timeout_s=1.0)
    assert store.list()[0].status == "failed"


def test_output_that_no_report_can_show_fails_the_run_but_keeps_the_work(
    write_notebook: Write, store: RunStore
) -> None:
    remote = "from IPython.display import HTML\nHTML('<img src=\"https://example.org/a.png\">')"
    with pytest.raises(ReportError, match="cell 3, output 1"):
        run_notebook(write_notebook(remote), {}, store=store)
    (run,) = store.list()
    assert run.status == "failed"
    assert list(run.artefacts) == ["executed.ipynb"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_signal_tells_the_kernel_and_marks_the_run_then_it_is_resumed(
    write_notebook: Write, store: RunStore, number: int
) -> None:
    notebook = write_notebook(WAIT)
    command = [sys.executable, "-c", RUN_IT, str(notebook), str(store.root)]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores Ctrl-C
    process = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=heed)
    given_up = time.monotonic() + 60
    while not list(store.root.glob("*/at work")):
        assert time.monotonic() < given_up
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    (run,) = store.list()
    assert run.status == "interrupted"
    assert "told" in run.artefacts

    again = write_notebook("from pathlib import Path\nprint(Path(out, 'told').exists())")
    resumed = run_notebook(again, run.parameters, store=store, resume=run)
    assert (resumed.id, resumed.status) == (run.id, "done")
    assert "True" in resumed.artefact("report.html").read_text()


def test_run_is_not_resumed_with_other_parameters(write_notebook: Write, store: RunStore) -> None:
    notebook = write_notebook("1 / 0")
    with pytest.raises(RunError):
        run_notebook(notebook, {}, store=store)
    (run,) = store.list()
    with pytest.raises(RunError, match="was made with other parameters"):
        run_notebook(notebook, {"epochs": 4}, store=store, resume=run)
    assert store.list()[0].status == "failed"


def test_kernel_ends_with_its_run(write_notebook: Write, store: RunStore) -> None:
    run = run_notebook(write_notebook("import os\nprint('pid', os.getpid(), 'end')"), {}, store=store)
    pid = int(run.artefact("report.html").read_text().partition("pid ")[2].partition(" end")[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_parallel_runs_do_not_meet(write_notebook: Write, store: RunStore) -> None:
    notebook = write_notebook(WRITE_FACTS)
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda epochs: run_notebook(notebook, {"epochs": epochs}, store=store), (1, 2, 3)))
    assert [json.loads(run.artefact("facts.json").read_text())["epochs"] for run in runs] == [1, 2, 3]


def test_same_run_is_found_again_until_something_changes(
    write_notebook: Write, store: RunStore, tmp_path: Path
) -> None:
    films = tmp_path / "films.csv"
    films.write_text("a")
    notebook = write_notebook("print(name)")
    run = run_notebook(notebook, {"name": str(films)}, store=store)
    assert find_run(notebook, {"name": str(films)}, store=store) == run
    assert find_run(notebook, {"name": str(films), "epochs": 4}, store=store) is None
    films.write_text("b")
    assert find_run(notebook, {"name": str(films)}, store=store) is None
    films.write_text("a")
    write_notebook("print(name, 2)")
    assert find_run(notebook, {"name": str(films)}, store=store) is None
