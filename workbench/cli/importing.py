"""``workbench import KIND ROOT --to FILE``: one importer a command."""

from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.core.errors import Skipped

imports = typer.Typer(help="Make a manifest of a data set.", no_args_is_help=True, rich_markup_mode=None)

To = Annotated[Path, typer.Option("--to", help="CSV of the manifest; header and annotations go beside it.")]
MOST_SKIPPED_LINES = 20


@imports.command("fracatlas")
def import_fracatlas(
    root: Annotated[Path, typer.Argument(help="Folder with dataset.csv, images/ and Annotations/.")],
    to: To,
    split: Annotated[Path | None, typer.Option("--split", help="CSV of image_id and split.")] = None,
) -> None:
    """Make a manifest of FracAtlas: masks, boxes, body parts, views."""
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import write_manifest
    from workbench.data.importers.fracatlas import import_fracatlas as read

    with Bars() as bars:
        manifest = read(root, split_file=split, progress=bars.open("Read films"))
    write_manifest(manifest, to)
    _report_import(manifest, to)


@imports.command("folder")
def import_folder(
    root: Annotated[Path, typer.Argument(help="One folder per class, or films with --labels.")],
    to: To,
    labels: Annotated[Path | None, typer.Option("--labels", help="CSV of image and label.")] = None,
    positive: Annotated[list[str] | None, typer.Option("--positive", help="An abnormal class.")] = None,
) -> None:
    """Make a manifest of a folder of films."""
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import write_manifest
    from workbench.data.importers.folder import import_folder as read

    with Bars() as bars:
        manifest = read(root, labels=labels, positive=positive, progress=bars.open("Read films"))
    write_manifest(manifest, to)
    _report_import(manifest, to)


def _report_import(manifest: Any, to: Path) -> None:
    annotated = sum(bool(case.annotations) for case in manifest)
    splits = {split: sum(case.split == split for case in manifest) for split in sorted({c.split for c in manifest})}
    print(f"{to}: {len(manifest)} films, {annotated} annotated, {len(manifest.skipped)} skipped")
    print("splits: " + ", ".join(f"{name or 'none'} {count}" for name, count in splits.items()))
    print(f"films lie in {manifest.root}; give notebooks -p root={manifest.root}, or link it as data/{manifest.name}")
    print(manifest.note)
    _print_skipped(manifest.skipped)


def _print_skipped(skipped: tuple[Skipped, ...]) -> None:
    for each in skipped[:MOST_SKIPPED_LINES]:
        print(f"  skipped {each}")
    if len(skipped) > MOST_SKIPPED_LINES:
        print(f"  ... and {len(skipped) - MOST_SKIPPED_LINES} more")
