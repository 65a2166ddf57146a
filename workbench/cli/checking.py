"""``workbench check`` and ``workbench croissant``: what a manifest is worth, and a description for others."""

from pathlib import Path
from typing import Annotated, Any

import typer

Manifest = Annotated[Path, typer.Argument(help="CSV of the manifest.")]
Root = Annotated[Path | None, typer.Option("--root", help="Folder of the films; data/NAME by default.")]
MOST_LINES = 20
"""Findings of one kind, and body parts, that are printed; ``--to`` writes them all."""


def check(
    manifest: Manifest,
    root: Root = None,
    to: Annotated[Path | None, typer.Option("--to", help="CSV for every finding.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings give exit code 1 too.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Check films, annotations, twins, copies across splits and balance; exit code 1 where an error is found."""
    from workbench.cli.terminal import Bars
    from workbench.core.files import write_text
    from workbench.core.manifest import read_manifest
    from workbench.data.checking.check import check_manifest

    read = read_manifest(manifest, root)
    with Bars() as bars:
        found = check_manifest(read, progress=bars.open("Read films"))
    _print_balance(found)
    _print_findings(found)
    if to:
        write_text(to, found.to_frame().to_csv(index=False, lineterminator="\n"))
        print(f"{to}: every finding")
    failing = ("error", "warning") if strict else ("error",)
    raise typer.Exit(code=int(any(found.count(severity) for severity in failing)))


def croissant(
    manifest: Manifest,
    to: Annotated[Path, typer.Option("--to", help="JSON-LD file.")],
    root: Root = None,
    published: Annotated[str, typer.Option("--published", help="Day of publication, as 2023-08-05.")] = "",
) -> None:
    """Describe a manifest as Croissant 1.1, so that other tools find its files and columns; no row is copied."""
    from workbench.core.manifest import read_manifest
    from workbench.data.croissant import write_croissant

    write_croissant(read_manifest(manifest, root), to, manifest, published=published)
    print(f"{to}: Croissant 1.1 of {manifest}")


def _print_balance(found: Any) -> None:
    from workbench.cli.terminal import print_table

    splits = sorted({each.split for each in found.balance})
    cells = {(each.body_part, each.split): each for each in found.balance}
    sizes: dict[str, int] = {}
    for each in found.balance:
        sizes[each.body_part] = sizes.get(each.body_part, 0) + sum(each.counts) + each.unlabelled
    parts = sorted(sizes, key=lambda part: (-sizes[part], part))
    rows = [[part or "not known", *(_counts(cells.get((part, split))) for split in splits)] for part in parts]
    title = f"{found.name}: films by body part and split, {' / '.join(found.class_names)} (+ without a label)"
    print_table(["body part", *(split or "no split" for split in splits)], rows[:MOST_LINES], title=title)
    if len(rows) > MOST_LINES:
        print(f"... and {len(rows) - MOST_LINES} more body parts")


def _counts(balance: Any) -> str:
    if balance is None:
        return "-"
    return " / ".join(map(str, balance.counts)) + (f" + {balance.unlabelled}" if balance.unlabelled else "")


def _print_findings(found: Any) -> None:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in found.findings:
        groups.setdefault((each.severity, each.kind), []).append(each.words)
    for (severity, kind), lines in groups.items():
        print(f"\n{severity}: {kind} ({len(lines)})")
        for line in lines[:MOST_LINES]:
            print(f"  {line}")
        if len(lines) > MOST_LINES:
            print(f"  ... and {len(lines) - MOST_LINES} more")
    counts = [_plural(found.count(severity), severity) for severity in ("error", "warning")]
    twins = f"; {found.twins} are linked to a twin, which is no copy" if found.twins else ""
    print(f"\n{found.read} of {found.films} films read{twins}")
    print(f"{', '.join(counts)}, {found.count('information')} for information")


def _plural(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
