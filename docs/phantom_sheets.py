"""Contact sheets of the phantoms: every body part in every kind, and what is put on films beside the anatomy."""

from dataclasses import replace
from typing import Any

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.flags import STYLES, Flag, draw_flag_design, flag_paint
from workbench.data.phantoms.glyphs import FAMILIES, Family
from workbench.data.phantoms.options import BODY_PARTS, KINDS, VIEWS, PhantomOptions
from workbench.data.phantoms.phantom import draw_phantom
from workbench.data.phantoms.placing import Place
from workbench.plots.contact_sheet import contact_sheet
from workbench.plots.explanation_sheet import Row
from workbench.plots.sheet import Picture

SIZE = {"height": 320, "width": 256}
TILE = (120, 96)
COLUMNS = 9


def parts_sheet() -> Picture:
    """Draw the seven body parts in a row, once a kind of abnormality; the views differ."""
    films = []
    for row, kind in enumerate(KINDS):
        for column, part in enumerate(BODY_PARTS):
            view = VIEWS[(row + column) % 3]
            options = PhantomOptions(**SIZE, body_part=part, view=view, kind=kind, difficulty=0.2)
            words = f"{part}, {kind}"
            films.append(Row(draw_phantom(options, 40 + 7 * row + column).pixels, {}, words))
    below = "Drawn by the program: seven parts of the arm, normal and in five kinds of abnormality, in three views"
    return contact_sheet(films, columns=len(BODY_PARTS), title="Phantom radiographs", below=below)


def flags_sheet() -> Picture:
    """Draw every family of letters, and flags of every style."""
    below = "Families for training and for testing are disjoint; flags differ in size, angle, opacity and words too"
    return contact_sheet([*_families(), *_styles()], columns=COLUMNS, title="Flags", below=below)


def furniture_sheet() -> Picture:
    """Draw what else may lie on a film, and one film with its counterfactuals."""
    below = (
        "None of it knows the label. Each has its mask; a film and its twin are equal outside the mask of what it lacks"
    )
    films = [*_beside(), *_twins()]
    return contact_sheet(films, columns=6, title="What lies beside the bone, and the films without it", below=below)


def _families() -> list[Row]:
    """Return a tile for each family, its L beside its R."""
    tiles = []
    for glyphs, families in FAMILIES.items():
        for index, family in enumerate(families):
            pixels = np.full(TILE, 0.1, dtype=np.float32)
            for letter, column in (("L", 24), ("R", 72)):
                pixels = flag_paint(_plain(letter, family), Place(60, column, 1, 1), TILE).over(pixels)
            tiles.append(Row(pixels, {}, f"for {glyphs}ing, {index + 1}"))
    return tiles


def _plain(letter: str, family: Family) -> Flag:
    return Flag(letter, family, "plain", "", False, 36.0, 6.5, 0.0, False, 1.0, 0.92)


def _styles() -> list[Row]:
    """Return tiles of random flags, at least one of each style."""
    tiles = []
    for index in range(COLUMNS):
        style = list(STYLES)[index % len(STYLES)]
        generator = derived_generator("styles", index)
        flag = draw_flag_design("LR"[index % 2], (420, 420), generator, glyphs="train")
        words = {1: "AB", 5: "KM", 6: "304"}.get(index, "")
        flag = replace(flag, style=style, mirrored=index == 7, words=words)
        pixels = np.full(TILE, 0.1, dtype=np.float32) + generator.normal(0, 0.01, TILE).astype(np.float32)
        pixels = flag_paint(replace(flag, height_px=30.0, stroke_px=5.7), Place(60, 48, 1, 1), TILE).over(pixels)
        tiles.append(Row(pixels, {}, f"{style}{', mirrored' if flag.mirrored else ''}"))
    return tiles


def _beside() -> list[Row]:
    """Return films with text, logos, frames, a cast, a ring, cropping and wrong exposure."""
    shown: list[tuple[str, str, dict[str, Any]]] = [
        ("text", "wrist", {"text": True}),
        ("text and flag", "forearm", {"text": True, "flag": "L"}),
        ("logo", "hand", {"logo": True}),
        ("logo, text and flag", "shoulder", {"logo": True, "text": True, "flag": "L"}),
        ("frame", "finger", {"frame": True}),
        ("frame and flag", "elbow", {"frame": True, "flag": "L"}),
        ("cast", "forearm", {"cast": True}),
        ("ring", "hand", {"ring": True}),
        ("cropped", "wrist", {"cropped": True}),
        ("underexposed", "elbow", {"exposure": -0.9}),
        ("overexposed", "elbow", {"exposure": 0.9}),
    ]
    return [
        Row(draw_phantom(PhantomOptions(**SIZE, body_part=part, **wanted), 10 + min(place, 9)).pixels, {}, words)
        for place, (words, part, wanted) in enumerate(shown)
    ]


def _twins() -> list[Row]:
    """Return one film with everything on it, outlined, and the same film without each thing."""
    options = PhantomOptions(
        **SIZE, body_part="wrist", kind="fracture", flag="R", frame=True, text=True, logo=True, difficulty=0.1
    )
    phantom = draw_phantom(options, 12)
    outlined = {name: phantom.masks[name] for name in ("evidence", "flag", "text", "logo")}
    films = [Row(phantom.pixels, outlined, "a film, and what is known of it")]
    films += [Row(pixels, {}, f"twin without {name}") for name, pixels in phantom.twins.items()]
    changed = np.abs(phantom.twins["lesion"] - phantom.pixels)
    return [*films, Row(changed / changed.max(), {}, "what the lesion changed")]
