"""The command line: one library call a command; an error is one line, its traceback behind ``--debug``."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.adopting import adopt
from workbench.cli.arguments import RUNS, named_values, opened_store
from workbench.cli.checking import check, croissant
from workbench.cli.explaining import explain, list_methods
from workbench.cli.importing import imports
from workbench.cli.phantoms import draw_phantoms
from workbench.cli.sweeping import sweep
from workbench.cli.weights import weights
from workbench.core.errors import WorkbenchError

app = typer.Typer(
    help="Explain radiograph classifiers, and find out whether they are right for the right reason.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(imports, name="import")
app.command()(adopt)
app.command()(check)
app.command()(croissant)
app.command("phantom")(draw_phantoms)
app.command()(sweep)
app.add_typer(weights, name="weights")
app.command()(explain)
app.command("methods")(list_methods)

AFTER_CTRL_C = 130
INTERRUPTED = (
    "interrupted; `workbench runs` lists what is there; `workbench run NOTEBOOK --resume RUN` and "
    "`workbench sweep EXPERIMENT --resume` go on with it"
)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: FBT002
) -> None:
    """Explain radiograph classifiers, and find out whether they are right for the right reason."""
    global _debug  # noqa: PLW0603 - one flag of one process, read where errors end
    _debug = debug


_debug = False


def main() -> None:
    """Run the command line; errors of ours are one line on stderr and exit code 1."""
    try:
        code = app(standalone_mode=False)  # typer returns the code of an Exit, and of Ctrl-C, which it catches itself
        if code == AFTER_CTRL_C:
            print(INTERRUPTED, file=sys.stderr)
        sys.exit(code)
    except (WorkbenchError, OSError) as error:  # a full disk or a closed folder is no fault of ours either
        if _debug:
            raise
        print(f"workbench: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        usage = getattr(error, "format_message", None)  # click's own errors of usage
        if usage is None:
            raise
        print(f"workbench: {usage()}", file=sys.stderr)
        sys.exit(2)


@app.command()
def demo(
    films: Annotated[int, typer.Option(help="Films to train on.")] = 1200,
    test_films: Annotated[int, typer.Option(help="Films to test on.")] = 420,
    epochs: Annotated[int, typer.Option(help="Epochs of each model.")] = 8,
) -> None:
    """Train two models that do well on films like their own, and find the one that reads the flag."""
    from workbench.audit.scorecard import comparison_rows, model_titles
    from workbench.cli.terminal import Bars, print_comparison
    from workbench.demo import DemoOptions, run_demo

    with Bars() as bars:
        result = run_demo(options=DemoOptions(films=films, test_films=test_films, epochs=epochs), step=bars.open)
    title = "Two models of phantom radiographs; intervals of 95 % resample patients"
    print_comparison(comparison_rows(result.cards), model_titles(result.cards), title=title)
    print(f"\nReports, after {result.seconds:.0f} s (start with the first):\n  {result.index}")
    for each in result.runs:
        print(f"  {each.folder / 'report.html'}")


@app.command()
def run(
    notebook: Annotated[Path, typer.Argument(help="The notebook.")],
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", help="NAME=VALUE, as often as needed.")
    ] = None,
    resume: Annotated[str, typer.Option(help="Id of a failed, interrupted or lost run to go on with.")] = "",
    runs: RUNS = None,
) -> None:
    """Execute a notebook as a run, with checked parameters, and export its HTML report."""
    from workbench.batch.run_notebook import run_notebook
    from workbench.cli.terminal import Bars

    store = opened_store(runs)
    earlier = store.get(resume) if resume else None
    given: dict[str, Any] = dict(earlier.parameters) if earlier else {}
    with Bars() as bars:
        bar = bars.open(notebook.name)
        done = run_notebook(
            notebook,
            given | named_values(parameter or []),
            store=store,
            progress=lambda cells, total, _line: bar(cells, total),
            echo=lambda text: print(text, end=""),
            resume=earlier,
        )
    print(f"{done.id}: {done.status}\n{done.folder / 'report.html'}")


@app.command("runs")
def list_runs(runs: RUNS = None) -> None:
    """List the runs with their derived status."""
    from workbench.cli.terminal import print_table

    rows = [[each.id, each.kind, each.status, each.created[:19], each.error[:80]] for each in opened_store(runs).list()]
    print_table(["run", "kind", "status", "created (UTC)", "error"], rows)


@app.command("verify")
def verify_run(
    reference: Annotated[str, typer.Argument(help="Run: id, unique beginning, folder, or latest.")] = "",
    runs: RUNS = None,
) -> None:
    """Check the SHA-256 of every artefact of a run, or of all runs; exit code 1 where one does not hold."""
    from workbench.runs import verify

    store = opened_store(runs)
    checked = [store.get(reference)] if reference else list(store.list())
    problems = {each.id: verify(each) for each in checked}
    for name, found in problems.items():
        print(f"{name}: {'; '.join(found) if found else 'holds'}")
    raise typer.Exit(code=int(any(problems.values())))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the notebooks of this project; further options go to JupyterLab, --no-browser for one."""
    import os

    from workbench.batch.parameters import notebook_folder
    from workbench.core.files import project_root

    root = project_root()
    home = notebook_folder() if notebook_folder().is_relative_to(root) else root
    as_root = ["--allow-root"] if os.geteuid() == 0 else []  # in a container; Jupyter refuses otherwise
    folders = [f"--ServerApp.root_dir={root}", f"--ServerApp.preferred_dir={home}"]
    command = [sys.executable, "-m", "jupyterlab", *folders, *as_root, *context.args]
    os.execv(sys.executable, command)  # noqa: S606 - JupyterLab takes the place of this process: Ctrl-C is its own


@app.command()
def serve(
    notebook: Annotated[Path | None, typer.Argument(help="The notebook; the case explorer by default.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", help="NAME=VALUE, as often as needed.")
    ] = None,
    port: Annotated[int, typer.Option(help="On this machine only; another one near it where it is taken.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True,  # noqa: FBT002 - a flag
) -> None:
    """Serve a dashboard to people who never see code: one kernel each, this machine only, behind a token."""
    from workbench.batch.parameters import notebook_folder
    from workbench.dashboards.serving.serve import serve

    chosen = notebook or notebook_folder() / "00_case_explorer.ipynb"
    serve(chosen, named_values(parameter or []), port=port, opens_browser=browser, debug=_debug)


@app.command("cache")
def show_cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it.")] = False,  # noqa: FBT002
) -> None:
    """List the preprocessed films on disk ($WORKBENCH_CACHE, or data/.cache of the project), or remove them."""
    from workbench.cli.terminal import print_table
    from workbench.data.cache import cache_entries, cache_folder, clear_cache

    folder = cache_folder()
    if folder is None:
        print("the cache is off: $WORKBENCH_CACHE says so")
    elif clear:
        print(f"{folder}: {clear_cache(folder) / 1e6:.1f} MB set free")
    else:
        rows = [
            [each.folder.name[:12], each.manifest, str(each.films), f"{each.size} px", f"{each.total_bytes / 1e6:.1f}"]
            for each in cache_entries(folder)
        ]
        print_table(["cache", "manifest", "films", "size", "MB"], rows, title=str(folder))
