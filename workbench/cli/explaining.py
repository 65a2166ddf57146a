"""``workbench explain RUN FILMS``: where a model looks, as pictures, raw maps and boxes; ``workbench methods``."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.arguments import RUNS, named_values, opened_store
from workbench.core.errors import OptionError, RunError, Skipped
from workbench.core.registry import unknown_name

if TYPE_CHECKING:
    from workbench.core.manifest import Manifest
    from workbench.models.classifier import Classifier
    from workbench.reports.explanation_files import ExplainedFilm

MOST_ROWS = 40
"""Maps, and skipped films, that are printed; the files hold all."""
SKIPPED_FILE, MAPS_FOLDER = "skipped.csv", "maps"
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def explain(
    run: Annotated[
        str, typer.Argument(help="Run: id, unique beginning, folder, or latest:train; or a model's folder.")
    ],
    films: Annotated[list[Path], typer.Argument(help="PNG, JPEG or DICOM files, or the CSV of one manifest.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for all that is written.")],
    method: Annotated[
        list[str] | None, typer.Option("--method", help="As often as needed; grad-cam. See: workbench methods.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target", help="predicted (default), expected, runner-up, a class, or 'A - B'; as often as needed."
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", help="OPTION=VALUE for all methods that have it, or METHOD.OPTION=VALUE."),
    ] = None,
    scale: Annotated[str, typer.Option(help="Of the colours: own, shared, or absolute as LOW,HIGH.")] = "own",
    colours: Annotated[str, typer.Option(help="jet, bwr, or another colour map; by the sign of the maps.")] = "",
    threshold: Annotated[float, typer.Option(help="Share of a map's maximum that its box starts at.")] = 0.2,
    size: Annotated[int, typer.Option(help="Pixels along an overlay's longer side, at most.", min=64)] = 1024,
    sheets: Annotated[int, typer.Option(help="Contact sheets of 8 films, at most.", min=0)] = 4,
    figures: Annotated[str, typer.Option(help="Sheets and stage figures as png, svg or pdf.")] = "png",
    split: Annotated[str, typer.Option(help="Only these films of the manifest; a comma joins several.")] = "",
    root: Annotated[Path | None, typer.Option("--root", help="Folder of the manifest's films.")] = None,
    unit: Annotated[str, typer.Option(help="image, or study-mean: the score of a study's views together.")] = "image",
    precision: Annotated[str, typer.Option(help="exact, or fast where it keeps the maps' ranking.")] = "exact",
    stream: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--stream", help="Keep raw maps in OUT/maps, batch by batch; the same command goes on.")
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Films a pass.", min=1)] = 8,
    workers: Annotated[
        int | None, typer.Option(help="Threads that decode the next batch meanwhile; by default as many as pay.", min=0)
    ] = None,
    runs: RUNS = None,
) -> None:
    """Explain films: overlays, contact sheets, raw maps, boxes (COCO), a table. Exit code 1 where a film is skipped."""
    from workbench.attribution import explain as explain_films
    from workbench.cli.terminal import Bars
    from workbench.core.skipped import write_skipped
    from workbench.imaging.films import manifest_films, path_films
    from workbench.reports.explanation_files import Drawing, write_explanations

    drawing = Drawing(_scale(scale), colours or None, threshold, size, sheets, figures)
    methods = _methods(method or ["grad-cam"], named_values(parameter or []))
    manifest = _manifest(films, root, split)
    paths = list(dict.fromkeys(map(str, films)))
    chosen = path_films(paths) if manifest is None else manifest_films(manifest)
    model = _model(run, runs)
    with Bars() as bars:
        found = explain_films(
            model,
            chosen,
            list(methods.values()),
            target=target or "predicted",
            unit=unit,
            precision=precision,
            out=out / MAPS_FOLDER if stream else None,
            batch_size=batch_size,
            workers=workers,
            progress=bars.open("Explain films"),
        )
        rows = write_explanations(
            found,
            chosen,
            out,
            drawing=drawing,
            with_maps=not stream,
            names=_names(paths) if manifest is None else None,
            file_names=None if manifest is None else {case.case_id: case.image for case in manifest},
            progress=bars.open("Draw overlays"),
        )
    skipped = next(iter(found.values())).skipped
    write_skipped(out / SKIPPED_FILE, skipped)
    _print_rows(rows)
    _print_skipped(skipped)
    print(f"{out}: {len(chosen) - len(skipped)} films explained, {len(skipped)} skipped")
    raise typer.Exit(code=int(bool(skipped)))


def list_methods() -> None:
    """List the attribution methods with their options and defaults."""
    from workbench.attribution import METHODS
    from workbench.cli.terminal import print_table
    from workbench.core.options import options_of

    rows = []
    for name in sorted(METHODS):
        entry: Any = METHODS.get(name)
        options = ", ".join(f"{each.name}={each.default!r}" for each in options_of(entry))
        rows.append([name, (entry.__doc__ or "").strip().partition("\n")[0], options])
    print_table(["method", "what it shows", "options (-p)"], rows)


def _scale(text: str) -> Any:
    """Return a scale's choice: a word, or two numbers."""
    if text in ("own", "shared"):
        return text
    try:
        low, high = (float(each) for each in text.split(","))
    except ValueError:
        raise OptionError(f"--scale {text!r} is not known; wanted own, shared, or two numbers such as -2,2") from None
    return low, high


def _methods(names: Sequence[str], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the methods by name, with the options that were given; each option must belong to one of them."""
    from workbench.attribution import METHODS
    from workbench.core.options import options_of

    chosen: dict[str, dict[str, Any]] = {name: {} for name in names}
    known = {name: {each.name: each for each in options_of(_entry(name))} for name in chosen}
    for key, value in parameters.items():
        method, _, option = key.rpartition(".")
        takers = [name for name in chosen if method in ("", name) and option in known[name]]
        if not takers:
            options = (f"{name}.{each}" if method else each for name in chosen for each in known[name])
            raise OptionError(f"-p {key}={value}: {unknown_name('option', key, options)}")
        for name in takers:
            chosen[name][option] = _value(key, value, known[name][option].default)
    return {name: METHODS.make(name, **options) for name, options in chosen.items()}


def _entry(name: str) -> Any:
    from workbench.attribution import METHODS

    return METHODS.get(name)


def _value(key: str, text: str, default: Any) -> Any:
    """Return a text as a value of the default's type."""
    kind = type(default)
    try:
        if kind is bool:
            return {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}[text.lower()]
        return kind(text) if kind in (int, float) else text
    except (ValueError, KeyError):
        raise OptionError(f"-p {key}: {text!r} is no {kind.__name__}; wanted one such as {default!r}") from None


def _manifest(films: Sequence[Path], root: Path | None, split: str) -> "Manifest | None":
    """Return the manifest that was named, None for films."""
    from workbench.core.manifest import read_manifest

    tables = [each for each in films if each.suffix.lower() == ".csv"]
    if tables and len(films) > 1:
        raise OptionError(f"{tables[0]} is a manifest and stands beside {len(films) - 1} other files; give it alone")
    for each in films:
        if each.is_dir():
            raise OptionError(f"{each} is a folder; give its films ({each}/*.png) or the CSV of a manifest")
    if not tables and (split or root):
        raise OptionError("--split and --root go with a manifest; give the CSV of one instead of films")
    if not tables:
        return None
    manifest = read_manifest(tables[0], root)
    return manifest.split(*(each.strip() for each in split.split(","))) if split else manifest


def _names(paths: Sequence[str]) -> dict[str, str]:
    """Return how the files of each film are called: its name, or its path where two films have one name."""
    stems = {path: Path(path).stem for path in paths}
    if len(set(stems.values())) == len(stems):
        return stems
    folder = os.path.commonpath([Path(path).absolute().parent for path in paths])
    return {path: str(Path(path).absolute().relative_to(folder).with_suffix("")) for path in paths}


def _model(reference: str, runs: Path | None) -> "Classifier":
    """Return the model of a training run, of the run that an evaluation was of, or of a folder."""
    from workbench.audit.scorecard import load_scorecard
    from workbench.models.checkpoints import load_classifier

    if (Path(reference) / "model.json").is_file():
        return load_classifier(reference)
    found = opened_store(runs).get(reference)
    if (found.folder / "model.json").is_file():
        return load_classifier(found.folder)
    if found.kind == "evaluate":
        return load_classifier(found.folder.parent / load_scorecard(found.folder).run)
    raise RunError(f"{found.id} is a {found.kind} run without a model; name a training run, such as latest:train")


def _print_rows(rows: "Sequence[ExplainedFilm]") -> None:
    from workbench.cli.terminal import print_table
    from workbench.plots.theme import method_title

    measures = sorted({name for row in rows for name in row.measures})
    columns = ["film", "method", "target", "probability", "box (left, top, right, bottom)", *measures]
    cells = [
        [
            row.name,
            method_title(row.method),
            row.target,
            f"{row.probability:.3f}",
            ", ".join(map(str, row.box)) if row.box else "none: nothing positive",
            *(_number(row.measures, name) for name in measures),
        ]
        for row in rows[:MOST_ROWS]
    ]
    if cells:
        print_table(columns, cells)
    if len(rows) > MOST_ROWS:
        print(f"... and {len(rows) - MOST_ROWS} more maps in films.csv")


def _number(measures: Mapping[str, float], name: str) -> str:
    return f"{measures[name]:.3g}" if name in measures else ""


def _print_skipped(skipped: Sequence[Skipped]) -> None:
    for each in skipped[:MOST_ROWS]:
        print(f"  skipped {each}")
    if len(skipped) > MOST_ROWS:
        print(f"  ... and {len(skipped) - MOST_ROWS} more in {SKIPPED_FILE}")
