"""``workbench phantom OUT``: films that the program draws, with the manifest that tells what is on them."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.core.errors import OptionError
from workbench.core.registry import unknown_name
from workbench.data.phantoms.options import BODY_PARTS, KINDS
from workbench.data.phantoms.set_options import CONFOUNDERS, SETS, Confounder, PhantomSetOptions, named_set

HOW_STRONG = "R, or by split: train=0.9,test=0."
Strength = Annotated[str, typer.Option(metavar="R", help=HOW_STRONG, show_default=False)]
VALID_SHARE, TEST_SHARE = 0.1, 0.2
"""Of --cases; the rest is to train on."""


def draw_phantoms(
    out: Annotated[Path, typer.Argument(help="Folder for the films.")],
    named: Annotated[str, typer.Option("--set", help="A named set, such as phantom-demo.")] = "",
    name: Annotated[str, typer.Option(help="Name of the set; the folder's by default.")] = "",
    to: Annotated[Path | None, typer.Option("--to", help="CSV of the manifest; OUT/NAME.csv by default.")] = None,
    cases: Annotated[int | None, typer.Option(help="Films, 7 in 10 to train on and 2 to test on.", min=10)] = None,
    size: Annotated[int | None, typer.Option(help="Height of a film in pixels; it is 0.8 times as wide.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the whole set.")] = None,
    abnormal: Annotated[float | None, typer.Option(help="Share of abnormal studies.")] = None,
    difficulty: Annotated[float | None, typer.Option(help="Mean difficulty, 0 to 0.5.")] = None,
    body_parts: Annotated[str | None, typer.Option(help="Proportions of the body parts: even or mura.")] = None,
    kinds: Annotated[str, typer.Option(help="Shares among the abnormal: fracture=0.5,hardware=0.5.")] = "",
    shares: Annotated[str, typer.Option(help="Shares of the films with a thing on them: text=0.2,cast=0.05.")] = "",
    flag_correlation: Strength = "",
    frame_correlation: Strength = "",
    text_correlation: Strength = "",
    logo_correlation: Strength = "",
    cast_correlation: Strength = "",
    ring_correlation: Strength = "",
    cropped_correlation: Strength = "",
    exposure_correlation: Strength = "",
    twins: Annotated[str, typer.Option(help="Counterfactuals to write too: flag,frame,text,logo,lesion.")] = "",
    workers: Annotated[int | None, typer.Option(help="Processes; as many as processors by default.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Write the header with its counts only.")] = False,  # noqa: FBT002
) -> None:
    """Draw phantom films with their masks: a named set, or one of your own.

    R is the strength with which a thing goes with the label: it is on (1 + R) / 2 of the abnormal films and on
    (1 - R) / 2 of the normal ones, in proportion where its share is not one half.
    """
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import data_root, write_header
    from workbench.data.phantoms.sets import draw_phantom_set, empty_manifest

    strengths = {
        "flag": flag_correlation,
        "frame": frame_correlation,
        "text": text_correlation,
        "logo": logo_correlation,
        "cast": cast_correlation,
        "ring": ring_correlation,
        "cropped": cropped_correlation,
        "exposure": exposure_correlation,
    }
    wanted: dict[str, Any] = {
        "seed": seed,
        "abnormal": abnormal,
        "difficulty": difficulty,
        "body_parts": body_parts,
        "kinds": _numbers("--kinds", kinds) or None,
        "twins": tuple(filter(None, twins.split(","))) or None,
        **_counts(cases),
        **_sides(size),
    }
    options = _set_options(named, {key: value for key, value in wanted.items() if value is not None})
    options = replace(options, confounders=_confounders(options, strengths, _numbers("--shares", shares)))
    options = replace(options, name=name or _name(options, named, out))
    to = to or out / f"{options.name}.csv"
    if plan:
        manifest = empty_manifest(options, out)
        write_header(manifest, to)
    else:
        with Bars() as bars:
            manifest = draw_phantom_set(options, out, to, workers=workers, progress=bars.open("Draw phantoms"))
    _print_counts(manifest.counts)
    print(f"{to}: {len(manifest)} films drawn" if manifest else f"{to.with_suffix('.toml')}: no film drawn yet")
    hint = "" if data_root(to, options.name) == out.resolve() else f"; give notebooks -p root={out}"
    print(f"films lie in {out}{hint}")


def _set_options(named: str, wanted: dict[str, Any]) -> PhantomSetOptions:
    return replace(named_set(named) if named else PhantomSetOptions(), **wanted)


def _name(options: PhantomSetOptions, named: str, out: Path) -> str:
    """Return the name of a set as it is, and the folder's for one that differs from it."""
    return named if named and options == SETS[named] else out.resolve().name


def _counts(cases: int | None) -> dict[str, int]:
    if cases is None:
        return {}
    valid, test = round(VALID_SHARE * cases), round(TEST_SHARE * cases)
    return {"train": cases - valid - test, "valid": valid, "test": test}


def _sides(size: int | None) -> dict[str, int]:
    return {} if size is None else {"height": size, "width": round(0.8 * size)}


def _confounders(
    options: PhantomSetOptions, strengths: dict[str, str], shares: dict[str, float]
) -> tuple[Confounder, ...]:
    """Return the set's confounders with the shares and strengths that were given put in their place."""
    found = {each.name: each for each in options.confounders}
    for name in shares:
        if name not in CONFOUNDERS:
            raise unknown_name("confounder", name, CONFOUNDERS)
    for name in CONFOUNDERS:
        if strengths[name] or name in shares:
            before = found.get(name, Confounder(name))
            strength = _strength(f"--{name}-correlation", strengths[name]) if strengths[name] else before.strength
            found[name] = Confounder(name, shares.get(name, before.share), strength)
    return tuple(found[name] for name in CONFOUNDERS if name in found)


def _strength(flag: str, text: str) -> float | dict[str, float]:
    return _numbers(flag, text) if "=" in text else _number(flag, text)


def _numbers(flag: str, text: str) -> dict[str, float]:
    """Read ``name=number,name=number``."""
    numbers = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise OptionError(f"{flag}: {part!r} is not NAME=NUMBER, such as train=0.9")
        numbers[name.strip()] = _number(flag, value)
    return numbers


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"{flag}: {text!r} is not a number") from None


def _print_counts(counts: dict[str, dict[str, int]]) -> None:
    for split, films in counts["films"].items():
        in_split = {what: by_split[split] for what, by_split in counts.items() if by_split[split]}
        kinds, parts = (
            ", ".join(f"{name} {in_split[name]}" for name in names if name in in_split) for names in (KINDS, BODY_PARTS)
        )
        print(f"{split}: {films} films of {in_split['studies']} studies of {in_split['patients']} patients")
        print(f"  {kinds}\n  {parts}")
