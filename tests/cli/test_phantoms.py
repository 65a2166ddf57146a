"""``workbench phantom``: options become a set, films and manifest lie where the command says."""

import re
from pathlib import Path

import pytest

from workbench.cli.phantoms import draw_phantoms
from workbench.core.errors import ManifestError
from workbench.core.manifest import read_manifest
from workbench.data.phantoms.set_options import CONFOUNDERS

SMALL = ("--cases", 20, "--size", 80, "--workers", 1)


def test_a_set_of_ones_own_is_drawn_beside_its_manifest(workbench):
    done = workbench("phantom", "films", *SMALL, "--seed", 4, "--flag-correlation", "1")
    assert done.code == 0, done.err
    assert "films/films.csv: 20 films drawn" in done.out
    assert "train: 14 films of" in done.out
    assert "give notebooks -p root=films" in done.out
    manifest = read_manifest("films/films.csv", "films")
    assert {case.split for case in manifest} == {"train", "valid", "test"}
    assert all(Path("films", case.image).is_file() for case in manifest)
    assert all(case.has("flag") == (case.label == "abnormal") for case in manifest)
    assert (manifest[0].height, manifest[0].width) == (80, 64)


def test_strengths_shares_kinds_and_twins_are_read_from_text(workbench):
    done = workbench(
        *("phantom", "odd", *SMALL, "--to", "data_manifests/odd.csv", "--name", "other", "--kinds", "hardware=1"),
        *("--flag-correlation", "train=0.9,test=0", "--exposure-correlation", "-0.5"),
        *("--shares", "text=0.25,cast=0.1,exposure=0.2", "--twins", "flag", "--plan"),
    )
    assert done.code == 0, done.err
    assert "data_manifests/odd.toml: no film drawn yet" in done.out
    assert not Path("odd").exists()
    header = Path("data_manifests/odd.toml").read_text()
    for line in (
        'name = "other"',
        "flag = {share = 0.5, strength = {train = 0.9, test = 0.0}}",
        "frame = {share = 0.25, strength = 0.0}",
        "text = {share = 0.25, strength = 0.0}",
        "cast = {share = 0.1, strength = 0.0}",
        "exposure = {share = 0.2, strength = -0.5}",
        "kinds = {hardware = 1.0}",
        'twins = ["flag"]',
    ):
        assert line in header.splitlines()


def test_a_named_set_keeps_its_name_only_as_it_is(workbench):
    assert workbench("phantom", "films", "--set", "phantom-planted-20", "--plan").code == 0
    assert Path("films/phantom-planted-20.toml").is_file()
    assert workbench("phantom", "films", "--set", "phantom-planted-20", "--cases", 10, "--plan").code == 0
    assert 'name = "films"' in Path("films/films.toml").read_text()


def test_what_is_planned_but_not_drawn_is_refused_with_the_command_that_draws_it(workbench):
    path = Path("data_manifests/phantom-planted-0.csv")
    workbench("phantom", "data/phantom-planted-0", "--set", "phantom-planted-0", "--to", path, "--plan")
    with pytest.raises(ManifestError) as refused:
        read_manifest(path)
    (command,) = re.findall("draw it with `workbench (.*)`", str(refused.value))
    assert command.startswith("phantom ")
    assert command.endswith(str(path))
    assert workbench(*command.split(), "--plan").code == 0  # the command is one that works


def test_every_confounder_has_its_option():
    import inspect

    assert {f"{name}_correlation" for name in CONFOUNDERS} <= inspect.signature(draw_phantoms).parameters.keys()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "phantom-dmo"], "did you mean 'phantom-demo'"),
        (["--flag-correlation", "strong"], "--flag-correlation: 'strong' is not a number"),
        (["--flag-correlation", "train=0.9,test"], "--flag-correlation: 'test' is not NAME=NUMBER"),
        (["--flag-correlation", "2"], "strength of flag: 2.0 is not within -1 and 1"),
        (["--text-correlation", "trian=1"], "did you mean 'train'"),
        (["--shares", "txt=0.5"], "did you mean 'text'"),
        (["--kinds", "fracture=0.4"], "is not shares that add up to 1"),
        (["--twins", "flags"], "did you mean 'flag'"),
        (["--size", "8"], "height: 8 is below 64"),
        (["--body-parts", "odd"], "body_parts: 'odd' is not one of even, mura"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(workbench, arguments, words):
    done = workbench("phantom", "films", *arguments)
    assert done.code == 1
    assert words in done.refusal
    assert not Path("films").exists()
