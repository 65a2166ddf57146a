"""``workbench import KIND ROOT --to FILE``: one importer a command."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.verdicts import import_verdicts

imports = typer.Typer(
    help="Make a manifest of a data set, or take in verdicts.", no_args_is_help=True, rich_markup_mode=None
)
imports.command("verdicts")(import_verdicts)

To = Annotated[Path, typer.Option("--to", help="CSV of the manifest; header, annotations, skipped films go beside it.")]


@imports.command("fracatlas")
def import_fracatlas(
    root: Annotated[Path, typer.Argument(help="Folder with dataset.csv, images/ and Annotations/.")],
    to: To,
    split: Annotated[Path | None, typer.Option("--split", help="CSV of image_id and split.")] = None,
) -> None:
    """Make a manifest of FracAtlas: masks, boxes, body parts, views."""
    from workbench.cli.import_report import report_import
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import write_manifest
    from workbench.data.importers.fracatlas import import_fracatlas as read

    with Bars() as bars:
        manifest = read(root, split_file=split, progress=bars.open("Read films"))
    write_manifest(manifest, to)
    report_import(manifest, to)


@imports.command("folder")
def import_folder(
    root: Annotated[Path, typer.Argument(help="One folder per class, or films with --labels.")],
    to: To,
    labels: Annotated[Path | None, typer.Option("--labels", help="CSV of image and label.")] = None,
    positive: Annotated[list[str] | None, typer.Option("--positive", help="An abnormal class.")] = None,
) -> None:
    """Make a manifest of a folder of films."""
    from workbench.cli.import_report import report_import
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import write_manifest
    from workbench.data.importers.folder import import_folder as read

    with Bars() as bars:
        manifest = read(root, labels=labels, positive=positive, progress=bars.open("Read films"))
    write_manifest(manifest, to)
    report_import(manifest, to)


@imports.command("mura")
def import_mura(
    root: Annotated[Path, typer.Argument(help="MURA-v1.1, or the folder that holds it.")],
    to: To,
) -> None:
    """Make a manifest of MURA beside its published counts."""
    from workbench.cli.import_report import print_published, report_import
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import write_manifest
    from workbench.data.importers.mura import import_mura as read

    with Bars() as bars:
        manifest = read(root, progress=bars.open("Read films"))
    write_manifest(manifest, to)
    report_import(manifest, to)
    print_published(manifest)


@imports.command("dicom")
def import_dicom(
    root: Annotated[Path, typer.Argument(help="Folder of DICOM files, however deep; other files are passed over.")],
    to: To,
    labels: Annotated[Path | None, typer.Option("--labels", help="CSV of image and label.")] = None,
    positive: Annotated[list[str] | None, typer.Option("--positive", help="An abnormal class.")] = None,
) -> None:
    """Make a manifest of DICOM radiographs; patients as keyed hashes, the key beside the manifest as patient.key."""
    from workbench.cli.import_report import report_import
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import write_manifest
    from workbench.data.importers.dicom import import_dicom as read
    from workbench.data.importers.patient_key import FILE_NAME

    key_file = to.with_name(FILE_NAME)
    with Bars() as bars:
        manifest = read(root, labels=labels, positive=positive, key_file=key_file, progress=bars.open("Read films"))
    write_manifest(manifest, to)
    report_import(manifest, to)


@imports.command("coco")
def import_coco(
    file: Annotated[Path, typer.Argument(help="COCO JSON with images, annotations and categories.")],
    manifest: Annotated[Path, typer.Option("--manifest", help="CSV of the manifest whose films it annotates.")],
    to: To,
    category: Annotated[list[str] | None, typer.Option("--category", help="NAME or NAME=NEW; all without it.")] = None,
) -> None:
    """Attach boxes and masks of a COCO file to a manifest."""
    from dataclasses import replace

    from workbench.cli.import_report import report_attached
    from workbench.core.manifest import read_manifest, write_manifest
    from workbench.core.skipped import read_skipped, skipped_path
    from workbench.data.importers.coco import attach_coco

    names = dict(_renamed(each) for each in category) if category else None
    before = read_manifest(manifest)
    after = attach_coco(before, file, categories=names)
    earlier = read_skipped(skipped_path(manifest))
    write_manifest(replace(after, skipped=tuple(dict.fromkeys((*earlier, *after.skipped)))), to)
    report_attached(before, after, to)


def _renamed(text: str) -> tuple[str, str]:
    name, equals, new = text.partition("=")
    if not name or (equals and not new):
        raise typer.BadParameter(f"{text!r} is neither NAME nor NAME=NEW", param_hint="'--category'")
    return name, new or name
