import logging
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.core.case import Case
from workbench.core.files import sha256_of
from workbench.core.manifest import Manifest, write_manifest
from workbench.data import cache as caches
from workbench.data.cache import ABOUT_NAME, FILMS_NAME, cache_entries, cache_folder, cache_key, clear_cache
from workbench.data.datasets import FilmDataset
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe

RECIPE = Recipe(size=24)
PROJECT = Path(__file__).resolve().parents[2]


def made_manifest(root: Path, *, hashes: bool = True) -> Manifest:
    generator = np.random.default_rng(0)
    cases = []
    for index in range(6):
        write_png(root / f"{index}.png", generator.random((20, 30), dtype=np.float32))
        digest = sha256_of(root / f"{index}.png") if hashes else ""
        cases.append(Case(f"case-{index}", f"p{index}", f"s{index}", f"{index}.png", digest, label="normal"))
    return Manifest("toy", ("normal", "abnormal"), ("abnormal",), root, tuple(cases))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return made_manifest(tmp_path / "films")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_cached_films_are_the_films_in_memory(manifest: Manifest, folder: Path) -> None:
    manifest.path(manifest[3]).write_bytes(b"no film")
    plain, made, found = (FilmDataset(manifest, RECIPE, cache=where) for where in (None, folder, folder))
    for each in (made, found):
        assert torch.equal(each.films, plain.films)
        assert each.skipped == plain.skipped
        assert each.manifest == plain.manifest
        assert each.labels == plain.labels
    assert [each.what for each in found.skipped] == ["3.png"]
    assert "by its content" in found.skipped[0].reason


def test_what_is_cached_is_not_read_again(manifest: Manifest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = FilmDataset(manifest, RECIPE, cache=folder)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr("workbench.data.datasets.read_radiograph", lambda path: pytest.fail(f"{path} was read"))
    again = FilmDataset(manifest, RECIPE, cache=folder, progress=lambda *done: told.append(done))
    assert torch.equal(first.films, again.films)
    assert told == [(6, 6)]


def test_writing_into_a_film_changes_no_file(manifest: Manifest, folder: Path) -> None:
    FilmDataset(manifest, RECIPE, cache=folder).films.zero_()
    assert FilmDataset(manifest, RECIPE, cache=folder).films.any()


def test_the_key_is_that_of_films_and_placing(manifest: Manifest, tmp_path: Path) -> None:
    key = cache_key(manifest, RECIPE)
    assert key == cache_key(manifest, replace(RECIPE, normalisation="caffe", channels=1, mean=0.1))
    others = [
        cache_key(manifest, replace(RECIPE, size=32)),
        cache_key(manifest, replace(RECIPE, histogram="equalise")),
        cache_key(manifest[:5], RECIPE),
        cache_key(manifest.where([replace(manifest[0], sha256="0" * 64), *manifest.cases[1:]]), RECIPE),
    ]
    assert len({key, *others}) == 5
    shutil.copytree(manifest.root, tmp_path / "elsewhere")
    assert key == cache_key(replace(manifest, root=tmp_path / "elsewhere"), RECIPE)


def test_a_film_without_a_hash_is_known_by_size_and_time(tmp_path: Path, folder: Path) -> None:
    manifest = made_manifest(tmp_path, hashes=False)
    before = FilmDataset(manifest, RECIPE, cache=folder)
    write_png(tmp_path / "2.png", np.ones((20, 30), dtype=np.float32))
    after = FilmDataset(manifest, RECIPE, cache=folder)
    assert (after.films[2] == 255).all()
    assert torch.equal(after.films[:2], before.films[:2])


def test_a_film_that_comes_later_is_not_missed(manifest: Manifest, folder: Path) -> None:
    late = manifest.path(manifest[1])
    content = late.read_bytes()
    late.unlink()
    assert len(FilmDataset(manifest, RECIPE, cache=folder)) == 5
    late.write_bytes(content)
    assert len(FilmDataset(manifest, RECIPE, cache=folder)) == 6


@pytest.mark.parametrize("damage", ["short", "changed", "no films", "no about", "about cut", "other key", "row less"])
def test_a_damaged_cache_is_made_again(
    manifest: Manifest, folder: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = FilmDataset(manifest, RECIPE, cache=folder).films.clone()
    (home,) = (entry.folder for entry in cache_entries(folder))
    films, about = home / FILMS_NAME, home / ABOUT_NAME
    content, text = films.read_bytes(), about.read_text()
    match damage:
        case "short":
            films.write_bytes(content[:-1])
        case "changed":
            films.write_bytes(bytes([content[0] ^ 255]) + content[1:])
        case "no films":
            films.unlink()
        case "no about":
            about.unlink()
        case "about cut":
            about.write_text(text[:40])
        case "other key":
            about.write_text(text.replace(home.name, "0" * 32))
        case "row less":
            about.write_text(text.replace(' "case-0",\n', "").replace('  "case-0",\n', ""))
    again = FilmDataset(manifest, RECIPE, cache=folder)
    assert torch.equal(again.films, whole)
    assert films.read_bytes() == content
    if damage in ("short", "changed", "about cut", "other key"):
        assert "damaged" in caplog.text


def test_a_maker_that_fails_leaves_nothing(manifest: Manifest, folder: Path) -> None:
    def fails(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FilmDataset(manifest, RECIPE, cache=folder, progress=fails)
    assert [path.suffix for path in folder.iterdir()] == [".lock"]
    assert len(FilmDataset(manifest, RECIPE, cache=folder)) == 6


MAKES_A_CACHE = """
import sys
from pathlib import Path
from workbench.core.manifest import read_manifest
from workbench.data.datasets import FilmDataset
from workbench.imaging.recipes import Recipe
print("ready", flush=True)
sys.stdin.readline()
data = FilmDataset(read_manifest(sys.argv[1], sys.argv[2]), Recipe(size=24), cache=Path(sys.argv[3]))
print(data.films.numpy().tobytes().hex())
"""


def test_several_make_it_at_once(manifest: Manifest, folder: Path) -> None:
    """Locks belong to open files, so threads wait for each other as processes do."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: FilmDataset(manifest, RECIPE, cache=folder).films, range(4)))
    plain = FilmDataset(manifest, RECIPE).films
    assert all(torch.equal(each, plain) for each in made)
    assert len(cache_entries(folder)) == 1


@pytest.mark.slow
def test_two_processes_make_it_at_once(manifest: Manifest, folder: Path, tmp_path: Path) -> None:
    write_manifest(manifest, tmp_path / "toy.csv")
    command = [sys.executable, "-c", MAKES_A_CACHE, str(tmp_path / "toy.csv"), str(manifest.root), str(folder)]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        for _ in range(2)
    ]
    for each in both:
        assert each.stdout.readline() == "ready\n"
    for each in both:  # both wait, so they start together
        each.stdin.write("go\n")
        each.stdin.flush()
    found = [each.communicate(timeout=60)[0].strip() for each in both]
    assert found == [FilmDataset(manifest, RECIPE).films.numpy().tobytes().hex()] * 2
    assert len(cache_entries(folder)) == 1
    assert not list(folder.glob(".*.tmp"))


def test_without_room_films_stay_in_memory(
    manifest: Manifest, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caches, "SPARE_BYTES", 2**62)
    assert len(FilmDataset(manifest, RECIPE, cache=folder)) == 6
    assert cache_entries(folder) == ()
    assert "0 MB for 6 films of toy at 24 px wanted" in caplog.text


def test_a_folder_that_cannot_be_written_stops_nothing(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert len(FilmDataset(manifest, RECIPE, cache=tmp_path / "file")) == 6


def test_its_size_is_said_before(manifest: Manifest, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="workbench"):
        FilmDataset(manifest, RECIPE, cache=folder)
    assert f"making a cache in {folder}: 0 MB for 6 films of toy at 24 px" in caplog.text


def test_clearing_takes_the_caches_and_nothing_else(manifest: Manifest, folder: Path) -> None:
    FilmDataset(manifest, RECIPE, cache=folder)
    FilmDataset(manifest, replace(RECIPE, size=16), cache=folder)
    (folder / "notes.txt").write_text("mine")
    assert sorted(entry.size for entry in cache_entries(folder)) == [16, 24]
    assert clear_cache(folder) == 6 * (16**2 + 24**2)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", "off")
    assert cache_folder() is None
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("WORKBENCH_CACHE")
    (tmp_path / "data_manifests").mkdir()
    monkeypatch.chdir(tmp_path)
    assert cache_folder() == tmp_path / "data" / ".cache"
