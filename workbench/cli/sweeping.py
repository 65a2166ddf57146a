"""``workbench sweep``: an experiment's cells trained, evaluated and compared, on this machine or on a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.arguments import RUNS, named_values, opened_store
from workbench.core.durations import duration_text

if TYPE_CHECKING:
    from workbench.batch.cost import CellCost
    from workbench.batch.plan import Plan
    from workbench.runs.executors import AbstractExecutor


def sweep(
    experiment: Annotated[Path, typer.Argument(help="The YAML file, as in notebooks/experiments.")],
    scale: Annotated[str, typer.Option(help="paper, small or smoke.")] = "paper",
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", help="NAME=VALUE in place of the experiment's, of a grid NAME=A,B; often."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List cells, errors and cost.")] = False,  # noqa: FBT002
    resume: Annotated[bool, typer.Option("--resume", help="Do what is missing or failed.")] = False,  # noqa: FBT002
    jobs: Annotated[int, typer.Option(help="Runs at once; 0 takes what this machine allows.")] = 0,
    scheduler: Annotated[str, typer.Option(help="tcp://HOST:PORT of a Dask cluster instead of this machine.")] = "",
    runs: RUNS = None,
) -> None:
    """Train, evaluate and compare every cell of an experiment; exit code 1 where a cell failed."""
    from workbench.batch.sweep import find_sweep, run_sweep
    from workbench.batch.sweep_state import ROW_TITLES, read_sweep
    from workbench.cli.terminal import LiveTable

    given: dict[str, Any] = dict(named_values(parameter or []))
    plan = _plan(experiment, scale, given)
    store = opened_store(runs)
    if dry_run:
        _print_costs(plan, store, jobs)
        _print_notes(plan)
        return
    earlier = find_sweep(plan, given, store=store) if resume else None
    if earlier is not None and earlier.status == "done":
        done = read_sweep(earlier.folder)
        print(f"{earlier.id}: all {len(done.cells)} cells are done\n{earlier.folder / 'report.html'}")
        return
    executor = _executor(plan, scheduler, jobs)
    print(f"{plan.heading}: {len(plan.cells)} cells on {executor.place}")
    _print_notes(plan)
    with LiveTable(ROW_TITLES) as table:
        done = run_sweep(
            plan,
            store=store,
            executor=executor,
            source=experiment,
            given=given,
            resume=earlier,
            follow=lambda state: table.show(state.rows(), title=plan.heading),
        )
    print(f"{done.run.id}: all {len(done.cells)} cells are done\n{done.folder / 'report.html'}")


def _plan(experiment: Path, scale: str, given: dict[str, Any]) -> "Plan":
    """Return a sound plan; several problems are printed one a line before they are refused together."""
    from workbench.batch.checks import plan_problems
    from workbench.batch.experiment import ExperimentError
    from workbench.batch.plan import plan_experiment
    from workbench.core.errors import OptionError

    try:
        return plan_experiment(experiment, scale=scale, given=given, check=plan_problems)
    except ExperimentError as error:
        if len(error.problems) == 1:
            raise
        print("\n".join(f"error: {problem}" for problem in error.problems))
        raise OptionError(f"{experiment}: {len(error.problems)} errors, listed above; nothing was started") from None


def _print_notes(plan: "Plan") -> None:
    from workbench.batch.checks import plan_notes

    for note in plan_notes(plan):
        print(f"note: {note}", flush=True)


def _executor(plan: "Plan", scheduler: str, jobs: int) -> "AbstractExecutor":
    if scheduler:
        from workbench.runs.executors.dask_cluster import DaskExecutor

        return DaskExecutor(scheduler)
    from workbench.runs.executors import LocalExecutor

    return LocalExecutor(jobs=jobs, memory_gb=plan.memory_gb, most=len(plan.cells))


def _print_costs(plan: "Plan", store: Any, jobs: int) -> None:
    from workbench.batch.cost import RUN_OVERHEAD_S, expected_costs
    from workbench.cli.terminal import print_table
    from workbench.runs.resources import usable_cores

    executor = _executor(plan, "", jobs)
    executor.close()
    costs = expected_costs(plan, store=store, threads=max(1, usable_cores() // executor.jobs))
    rows = [_cost_row(each) for each in costs]
    print_table(["cell", "films to learn from", "to watch", "to test", "epochs", "time"], rows, title=plan.heading)
    for source in dict.fromkeys(each.source for each in costs):
        cells = [each.cell for each in costs if each.source == source]
        print(f"\ntime of one film by {source}: {', '.join(cells)}")
    known = [each.seconds for each in costs if each.seconds is not None]
    unknown = f", {len(costs) - len(known)} cells unknown" if len(known) < len(costs) else ""
    print(
        f"\n{len(costs)} cells, no errors; expected {duration_text(sum(known))} of work{unknown}, about "
        f"{duration_text(sum(known) / executor.jobs)} on {executor.place}.\n"
        "Estimated as epochs x (films to learn from + 1/3 of those to watch) x time of one film, + 1/3 for those to "
        f"test, + {RUN_OVERHEAD_S:.0f} s a run; early stops make it less."
    )


def _cost_row(cost: "CellCost") -> list[str]:
    counts = [cost.train_films, cost.valid_films, cost.test_films, cost.epochs]
    return [cost.cell, *map(str, counts), "?" if cost.seconds is None else duration_text(cost.seconds)]
