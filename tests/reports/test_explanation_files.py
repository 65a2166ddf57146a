"""What an explanation leaves in a folder, from explanations made by hand: no network runs here."""

import csv
import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, Explanation, StageActivations, load_explanation
from workbench.core.geometry import scaling
from workbench.imaging.films import Film
from workbench.reports.explanation_files import SHEET_FILMS, Drawing, target_words, write_explanations

SIZES = ((60, 48), (48, 60), (300, 400))


def pixels_of(index):
    return np.full(SIZES[index], 0.5, dtype=np.float32)


@pytest.fixture
def films():
    ids = ("a/wrist.png", "b/Wrist.png", "b/hand 1.png")
    return [Film(film_id, partial(pixels_of, index), label=index - 1) for index, film_id in enumerate(ids)]


@pytest.fixture
def found(films):
    maps = np.full((3, 6, 6), -1.0, dtype=np.float32)
    maps[0, 2:4, 2:4], maps[1, 0, 0] = 5.0, 1.0
    shared = {
        "case_ids": tuple(film.film_id for film in films),
        "to_film": np.stack([scaling(width / 6, height / 6) for height, width in SIZES]),
        "film_sizes": np.array(SIZES),
    }
    shares = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    about = {"class_names": ["normal", "abnormal"], "target": "predicted"}
    speaks = {"targets": np.array([1, 0, 1]), "probabilities": shares, "provenance": about}
    error = np.array([0.1, 0.2, 0.3])
    stages = (StageActivations("block1", "stage 1", np.ones((3, 4, 2, 2), np.float32), np.zeros((3, 4), np.int64)),)
    return {
        "grad-cam++": Explanation("grad-cam++", maps=maps, **speaks, **shared),
        "lrp [expected]": Explanation("lrp", maps=2 * maps, measures={"error": error}, **speaks, **shared),
        "activations": Activations("activations", stages=stages, input_size=(6, 6), **shared),
    }


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_film_and_method_has_its_files(found, films, tmp_path):
    moved = []
    rows = write_explanations(found, films, tmp_path, progress=lambda done, total: moved.append((done, total)))
    stems = ["a-wrist.png", "b-Wrist.png", "b-hand-1.png"]
    methods = ("grad-cam++", "lrp-expected")
    wanted = [f"overlays/{stem}-{method}.png" for stem in stems for method in methods]
    wanted += [f"stages/{stem}.png" for stem in stems] + ["films.csv", "sheet-1.png"]
    wanted += [f"explanation-{label}.{kind}" for label in (*methods, "activations") for kind in ("json", "npz")]
    wanted += [f"boxes-{method}.json" for method in methods]
    assert files(tmp_path) == sorted(wanted)
    assert moved == [(1, 3), (2, 3), (3, 3)]
    assert [row.overlay for row in rows] == wanted[:6]
    back = load_explanation(tmp_path / "explanation-grad-cam++.npz")
    np.testing.assert_array_equal(back.maps, found["grad-cam++"].maps)


def test_names_that_differ_by_case_only_get_files_of_their_own(found, films, tmp_path):
    names = {"a/wrist.png": "wrist", "b/Wrist.png": "Wrist", "b/hand 1.png": "hand"}
    rows = write_explanations(
        {"grad-cam++": found["grad-cam++"]}, films, tmp_path, names=names, drawing=Drawing(sheets=0)
    )
    assert [row.name for row in rows] == ["wrist", "Wrist-2", "hand"]


def test_overlays_show_film_and_map(found, films, tmp_path):
    write_explanations({"cam": found["grad-cam++"]}, films, tmp_path, drawing=Drawing(scale=(0.0, 5.0), sheets=0))
    shown = np.asarray(Image.open(tmp_path / "overlays" / "b-hand-1.png-cam.png"))
    assert np.abs(shown[:300].astype(int) - 128).max() <= 1  # nothing positive: the bare film, and no box
    hot = np.asarray(Image.open(tmp_path / "overlays" / "a-wrist.png-cam.png"))[: 8 * 60]
    assert np.ptp(hot[8 * 28 : 8 * 32, 8 * 22 : 8 * 26].mean(axis=(0, 1))) > 50  # inferno's yellow
    assert np.ptp(hot[:8, -8:].mean(axis=(0, 1))) < 1


def test_table_and_boxes_say_the_same(found, films, tmp_path):
    maps = {label: each for label, each in found.items() if isinstance(each, Explanation)}
    called, quick = {"a/wrist.png": "films/a/wrist.png"}, Drawing(sheets=0)
    write_explanations(maps, films, tmp_path, file_names=called, drawing=quick, with_maps=False)
    assert not list(tmp_path.glob("explanation-*"))
    rows = list(csv.DictReader((tmp_path / "films.csv").read_text().splitlines()))
    assert [row["film"] for row in rows[::2]] == ["a/wrist.png", "b/Wrist.png", "b/hand 1.png"]
    assert [row["target"] for row in rows[::2]] == ["abnormal", "normal", "abnormal"]
    assert [row["probability"] for row in rows[::2]] == ["0.9", "0.8", "0.7"]
    assert [row["error"] for row in rows] == ["", "0.1", "", "0.2", "", "0.3"]
    document = json.loads((tmp_path / "boxes-grad-cam++.json").read_text())
    assert [each["file_name"] for each in document["images"]] == ["films/a/wrist.png", "b/Wrist.png", "b/hand 1.png"]
    left, top, width, height = document["annotations"][0]["bbox"]
    box = [int(rows[0][side]) for side in ("left", "top", "right", "bottom")]
    assert box == [left, top, left + width, top + height]
    assert len(document["annotations"]) == 2
    assert rows[4]["left"] == ""  # nothing positive


@pytest.mark.parametrize(("most", "sheets"), [(0, 0), (1, 1), (9, 2)])
def test_sheets_are_as_many_as_wanted_and_hold_all_films(found, tmp_path, most, sheets):
    count = SHEET_FILMS + 1
    films = [Film(f"film-{index}", partial(pixels_of, 0)) for index in range(count)]
    first = found["grad-cam++"].part(0, 1)
    rows = {name: np.repeat(getattr(first, name), count, axis=0) for name in ("maps", "to_film", "film_sizes")}
    many = Explanation(
        "cam",
        tuple(film.film_id for film in films),
        np.ones(count, dtype=np.int64),
        probabilities=np.full((count, 2), 0.5),
        **rows,
    )
    write_explanations({"cam": many}, films, tmp_path, drawing=Drawing(sheets=most, kind="svg"))
    assert [name for name in files(tmp_path) if name.startswith("sheet")] == [
        f"sheet-{number}.svg" for number in range(1, sheets + 1)
    ]


def test_shared_scale_is_shared_by_all_films_of_a_method(found, films, tmp_path):
    growing = np.ones((3, 6, 6), dtype=np.float32) * np.array([1, 2, 4], dtype=np.float32)[:, None, None]
    explanation = Explanation(
        "cam",
        found["grad-cam++"].case_ids,
        found["grad-cam++"].targets,
        growing,
        found["grad-cam++"].to_film,
        found["grad-cam++"].film_sizes,
        found["grad-cam++"].probabilities,
    )
    colours = {}
    for scale in ("own", "shared", (0.0, 8.0)):
        folder = tmp_path / str(scale)
        write_explanations({"cam": explanation}, films, folder, drawing=Drawing(scale=scale, sheets=0))
        seen = [np.asarray(Image.open(path))[20, 40] for path in sorted((folder / "overlays").iterdir())]
        colours[scale] = len({tuple(each) for each in np.array(seen).tolist()})
    assert colours == {"own": 1, "shared": 3, (0.0, 8.0): 3}


def test_a_difference_is_named_as_it_was_asked(found):
    explanation = found["grad-cam++"]
    assert target_words(explanation, 1) == "normal"
    about = explanation.provenance | {"target": "abnormal - normal"}
    asked = Explanation(**{**explanation.__dict__, "provenance": about})
    assert target_words(asked, 1) == "abnormal − normal"


@pytest.mark.parametrize(
    "drawing",
    [{"kind": "jpg"}, {"scale": (1.0, 0.0)}, {"colormap": "rainbow-unicorn"}, {"threshold": 1.5}],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(drawing):
    with pytest.raises(OptionError) as refused:
        Drawing(**drawing)
    assert "\n" not in str(refused.value)
