"""``workbench check`` and ``workbench croissant``."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from workbench.core.case import Case
from workbench.core.manifest import Manifest, write_manifest
from workbench.core.seeding import derived_generator
from workbench.imaging.pixels import write_png


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A manifest without a fault: ten films of one class in each of two splits."""
    cases = []
    for index in range(20):
        noise = derived_generator("film of a command", index).normal(size=(48, 40))
        pixels = np.clip(0.5 + gaussian_filter(noise, 2) * 1.2, 0, 1).astype(np.float32)
        write_png(tmp_path / "films" / f"{index}.png", pixels)
        known = {"label": "abnormal", "split": "train" if index < 10 else "test", "body_part": "hand"}
        cases.append(Case(f"c{index}", f"p{index}", f"s{index}", f"{index}.png", "", 40, 48, **known))
    manifest = Manifest(
        "set", ("abnormal",), ("abnormal",), tmp_path / "films", tuple(cases), source="us", licence="CC0-1.0"
    )
    write_manifest(manifest, tmp_path / "set.csv")
    return tmp_path / "set.csv"


def test_a_sound_manifest_gives_exit_code_0(workbench, written):
    done = workbench("check", "set.csv", "--root", "films")
    assert (done.code, done.err) == (0, "")
    assert "hand" in done.out
    assert "20 of 20 films read" in done.out
    assert "no errors, no warnings, 1 for information" in done.out
    assert "20 films without sha256: not compared" in done.out


def test_an_error_gives_exit_code_1_and_everything_is_written(workbench, written, tmp_path):
    (tmp_path / "films" / "3.png").unlink()
    done = workbench("check", "set.csv", "--root", "films", "--to", "found.csv")
    assert (done.code, done.err) == (1, "")
    assert "error: missing-file (1)\n  3.png: no such file in films" in done.out
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert (rows[0]["severity"], rows[0]["cases"]) == ("error", "c3")


def test_warnings_fail_only_where_asked(workbench, written):
    written.write_text("".join(written.read_text().splitlines(keepends=True)[:-1]))
    assert workbench("check", "set.csv", "--root", "films").code == 0
    done = workbench("check", "set.csv", "--root", "films", "--strict")
    assert done.code == 1
    assert "hand, test: 9 abnormal; fewer than 10 films say little" in done.out


def test_a_long_list_is_cut_and_counted(workbench, written, tmp_path):
    head, first, *others = written.read_text().splitlines()
    absent = [f"x{index}{first.removeprefix('c0').replace('0.png', 'none.png')}" for index in range(30)]
    written.write_text("\n".join([head, first, *others, *absent]))
    done = workbench("check", "set.csv", "--root", "films", "--to", "found.csv")
    assert done.code == 1
    assert done.out.count("none.png: no such file") == 20
    assert "error: missing-file (30)" in done.out
    assert "  ... and 10 more" in done.out
    assert (tmp_path / "found.csv").read_text().count("missing-file") == 30


@pytest.mark.parametrize("command", ["check", "croissant"])
def test_what_is_no_manifest_is_refused(workbench, tmp_path, command):
    more = ["--to", "set.json"] if command == "croissant" else []
    assert "the header is missing" in workbench(command, "absent.csv", *more).refusal
    assert not list(tmp_path.iterdir())


def test_wrong_usage_is_exit_code_2(workbench):
    assert workbench("check").code == 2
    assert workbench("croissant", "set.csv").code == 2


def test_a_description_is_written(workbench, written, tmp_path):
    done = workbench("croissant", "set.csv", "--root", "films", "--to", "out/set.json", "--published", "2024-05-06")
    assert (done.code, done.err) == (0, "")
    document = json.loads((tmp_path / "out" / "set.json").read_text())
    assert document["datePublished"] == "2024-05-06"
    assert document["license"] == "https://spdx.org/licenses/CC0-1.0"
    assert document["distribution"][0]["contentUrl"] == "../set.csv"
