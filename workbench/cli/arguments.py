"""Arguments that several commands take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

RUNS = Annotated[Path | None, typer.Option("--runs", help="Folder of the runs; the project's runs/ by default.")]


def opened_store(runs: Path | None) -> Any:
    """Return the store in the given folder, else the project's."""
    from workbench.runs.locations import default_store
    from workbench.runs.store import RunStore

    return RunStore(runs) if runs else default_store()


def named_values(parameters: Sequence[str]) -> dict[str, str]:
    """Return texts such as ``epochs=3`` by name."""
    pairs = {}
    for each in parameters:
        name, equals, value = each.partition("=")
        if not equals:
            raise typer.BadParameter(f"{each!r} is not NAME=VALUE", param_hint="-p")
        pairs[name] = value
    return pairs
