"""The films of a folder: found, decoded, told apart."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from workbench.core.case import Case
from workbench.core.errors import Skipped
from workbench.core.files import sha256_of
from workbench.data.importers.files import FilmFile, listed_files, read_film_files, unique_cases, visible_files
from workbench.imaging.pixels import write_png


@pytest.fixture
def films(tmp_path):
    for index, name in enumerate(("b/two.png", "a/one.png", "three.png")):
        write_png(tmp_path / name, np.full((4, 5 + index), index / 4, dtype=np.float32))
    return tmp_path


def test_files_are_listed_in_order_without_what_systems_leave(films):
    for name in (".DS_Store", "a/._one.png", ".hidden/x.png", "__MACOSX/a/one.png"):
        (films / name).parent.mkdir(exist_ok=True, parents=True)
        (films / name).write_bytes(b"x")
    assert visible_files(films) == ["a/one.png", "b/two.png", "three.png"]


def test_every_film_is_measured(films):
    read, skipped = read_film_files(films, ["three.png", "a/one.png"])
    assert skipped == []
    assert list(read) == ["three.png", "a/one.png"]
    film = read["a/one.png"]
    assert film == FilmFile("a/one.png", sha256_of(films / "a/one.png"), 6, 4, film.pixels_sha256)


def test_progress_is_told_from_our_own_thread(films):
    told = []
    read_film_files(films, visible_files(films), progress=lambda *each: told.append((*each, threading.get_ident())))
    assert told == [(done, 3, threading.get_ident()) for done in (1, 2, 3)]


def test_no_films_at_all(tmp_path):
    assert read_film_files(tmp_path, []) == ({}, [])


def test_unreadable_films_are_skipped_and_the_rest_goes_on(films):
    (films / "empty.png").touch()
    (films / "text.png").write_text("no film")
    (films / "x;y.png").write_bytes((films / "three.png").read_bytes())
    outside = films.parent / f"{films.name}-outside.png"
    outside.write_bytes((films / "three.png").read_bytes())
    (films / "link.png").symlink_to(outside)
    (films / "loop.png").symlink_to(films / "loop.png")
    read, skipped = read_film_files(films, visible_files(films))
    assert list(read) == ["a/one.png", "b/two.png", "three.png"]
    reasons = {each.what.removeprefix(f"{films}/"): each.reason for each in skipped}
    assert set(reasons) == {"empty.png", "text.png", "x;y.png", "link.png", "loop.png"}
    assert reasons["empty.png"] == "the file is empty"
    assert reasons["text.png"].startswith("neither PNG, JPEG nor DICOM")
    assert reasons["x;y.png"].startswith("a manifest cannot hold this name; rename it without")
    assert reasons["link.png"].startswith("leaves its folder")
    assert reasons["loop.png"].startswith("not readable (")


def test_a_name_that_is_not_text_is_skipped(films):
    try:
        (films / "three.png").rename(os.fsdecode(os.fsencode(films) + b"/film\xff.png"))
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    read, skipped = read_film_files(films, visible_files(films))
    assert len(read) == 2
    assert skipped == [Skipped(f"{films}/film\N{REPLACEMENT CHARACTER}.png", skipped[0].reason)]


def test_what_systems_leave_is_counted(films):
    for name in (".DS_Store", "a/._one.png", "__MACOSX/a/one.png"):
        (films / name).parent.mkdir(exist_ok=True, parents=True)
        (films / name).write_bytes(b"x")
    assert listed_files(films) == (["a/one.png", "b/two.png", "three.png"], 3)


def test_the_same_pixels_have_one_fingerprint_in_any_format(films):
    Image.open(films / "three.png").convert("RGB").save(films / "colour.png")
    Image.open(films / "three.png").rotate(90, expand=True).save(films / "turned.png")
    read, _ = read_film_files(films, visible_files(films))
    assert read["colour.png"].sha256 != read["three.png"].sha256
    assert read["colour.png"].pixels_sha256 == read["three.png"].pixels_sha256
    assert len({film.pixels_sha256 for film in read.values()}) == 4


def test_cases_of_one_name_are_skipped(tmp_path):
    cases = [Case("x", "p", "s", "a/x.png"), Case("y", "p", "s", "y.png"), Case("x", "p", "s", "b/x.png")]
    kept, skipped = unique_cases(tmp_path, cases)
    assert kept == cases[:2]
    assert skipped == [Skipped(f"{tmp_path / 'b/x.png'}", "would be called x as is a/x.png; rename it")]
