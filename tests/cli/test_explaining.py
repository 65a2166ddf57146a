"""``workbench explain`` and ``workbench methods``, with a network that was never trained."""

import json

import numpy as np
import pytest
from PIL import Image

from workbench.core.explanation import load_explanation
from workbench.imaging import films as film_reading
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.checkpoints import save_classifier
from workbench.models.zoo import build_classifier
from workbench.runs.store import RunStore


@pytest.fixture
def trained(tmp_path):
    recipe = Recipe(size=64)
    with RunStore(tmp_path / "runs").create("train", {}) as run:
        save_classifier(build_classifier("compact-densenet", recipe=recipe), run.folder)
    return run.folder


@pytest.fixture
def films(tmp_path):
    generator = np.random.default_rng(0)
    paths = [tmp_path / "films" / name for name in ("wrist.png", "hand.png")]
    for path, size in zip(paths, [(96, 64), (64, 80)], strict=True):
        write_png(path, generator.random(size).astype(np.float32))
    return paths


@pytest.fixture
def manifest(tmp_path, films):
    lines = ["case_id,patient_id,study_id,image,label,split", "one,p,s,wrist.png,abnormal,valid"]
    lines += ["two,q,t,hand.png,normal,test", "three,r,u,gone.png,normal,test"]
    (tmp_path / "set.csv").write_text("\n".join(lines))
    (tmp_path / "set.toml").write_text('name="set"\nclass_names=["normal", "abnormal"]\npositive=["abnormal"]\n')
    return tmp_path / "set.csv"


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_films_get_overlays_maps_boxes_and_a_sheet(workbench, trained, films, tmp_path):
    done = workbench("explain", trained.name, *films, "--method", "grad-cam", "--target", "abnormal", "--out", "out")
    assert (done.code, done.err) == (0, "")
    assert files(tmp_path / "out") == [
        "boxes-grad-cam.json",
        "explanation-grad-cam.json",
        "explanation-grad-cam.npz",
        "films.csv",
        "overlays/hand-grad-cam.png",
        "overlays/wrist-grad-cam.png",
        "sheet-1.png",
    ]
    for word in ("wrist", "Grad-CAM", "abnormal", "2 films explained, 0 skipped"):
        assert word in done.out
    found = load_explanation(tmp_path / "out" / "explanation-grad-cam.npz")
    assert found.case_ids == tuple(map(str, films))
    assert found.class_names == ("normal", "abnormal")
    boxes = json.loads((tmp_path / "out" / "boxes-grad-cam.json").read_text())
    assert [each["file_name"] for each in boxes["images"]] == list(map(str, films))
    with Image.open(tmp_path / "out" / "overlays" / "wrist-grad-cam.png") as picture:
        assert picture.size[1] > picture.size[0] > 200


def test_unreadable_films_are_listed_and_the_exit_code_says_so(workbench, trained, films, tmp_path):
    (tmp_path / "torn.png").write_bytes(films[0].read_bytes()[:200])
    done = workbench("explain", trained, films[0], "torn.png", "gone.png", "--method", "cam", "--out", "out")
    assert (done.code, done.err) == (1, "")
    assert "skipped torn.png: truncated or damaged" in done.out
    assert "skipped gone.png: no such file" in done.out
    assert "1 films explained, 2 skipped" in done.out
    assert len((tmp_path / "out" / "skipped.csv").read_text().splitlines()) == 3
    again = workbench("explain", trained, films[0], "--method", "cam", "--out", "out")
    assert again.code == 0
    assert not (tmp_path / "out" / "skipped.csv").exists()


def test_a_manifest_s_split_is_explained_under_its_case_ids(workbench, trained, manifest, tmp_path):
    arguments = ["--split", "valid, test", "--root", "films", "--target", "expected", "--target", "predicted"]
    done = workbench("explain", "latest:train", manifest, "--method", "cam", *arguments, "--out", "out")
    assert done.code == 1  # gone.png
    assert "skipped three" in done.out
    boxes = json.loads((tmp_path / "out" / "boxes-cam-expected.json").read_text())
    assert [each["file_name"] for each in boxes["images"]] == ["wrist.png", "hand.png"]
    assert "overlays/one-cam-predicted.png" in files(tmp_path / "out")


def test_stages_and_vector_figures(workbench, trained, films, tmp_path):
    arguments = [
        "--method",
        "activations",
        "--method",
        "cam",
        "--figures",
        "svg",
        "--scale",
        "-2,2",
        "--colours",
        "bwr",
    ]
    done = workbench("explain", trained, films[0], *arguments, "--out", "out")
    assert done.code == 0
    made = files(tmp_path / "out")
    assert "stages/wrist.svg" in made
    assert "sheet-1.svg" in made
    assert (tmp_path / "out" / "stages" / "wrist.svg").read_text().startswith("<?xml")


def test_options_reach_the_methods_that_have_them(workbench, trained, films, tmp_path):
    arguments = [
        "--method",
        "grad-cam",
        "--method",
        "activations",
        "-p",
        "layer=features.relu0",
        "-p",
        "activations.count=4",
    ]
    assert workbench("explain", trained, films[0], *arguments, "--sheets", "0", "--out", "out").code == 0
    found = load_explanation(tmp_path / "out" / "explanation-grad-cam.npz")
    assert found.maps.shape[1:] == (32, 32)
    assert load_explanation(tmp_path / "out" / "explanation-activations.npz").stages[0].maps.shape[1] == 4
    assert "sheet-1.png" not in files(tmp_path / "out")


def test_streamed_maps_lie_in_a_folder_of_their_own_and_are_used_again(workbench, trained, films, tmp_path):
    arguments = ["explain", trained, *films, "--method", "cam", "--sheets", "0", "--stream", "--out", "out"]
    assert workbench(*arguments).code == 0
    kept = tmp_path / "out" / "maps" / "cam"
    before = kept.joinpath("maps.npy").stat().st_mtime_ns
    assert load_explanation(kept).case_ids == tuple(map(str, films))
    assert not (tmp_path / "out" / "explanation-cam.npz").exists()
    assert workbench(*arguments).code == 0
    assert kept.joinpath("maps.npy").stat().st_mtime_ns == before


def test_precision_stands_in_the_provenance(workbench, trained, films, tmp_path):
    for precision in ("exact", "fast"):
        arguments = ["--precision", precision, "--method", "cam", "--sheets", "0", "--out", precision]
        assert workbench("explain", trained, *films, *arguments).code == 0
        about = load_explanation(tmp_path / precision / "explanation-cam.npz").provenance
        assert about["precision"]["asked"] == precision


def test_threads_decode_films_and_the_maps_stay_the_same(workbench, trained, films, tmp_path, monkeypatch):
    threads = []

    def noted(*arguments, **options):
        threads.append(options["workers"])
        return in_order(*arguments, **options)

    in_order = film_reading.in_order
    monkeypatch.setattr(film_reading, "in_order", noted)
    asked = ["explain", trained, *films, "--method", "cam", "--batch-size", "1", "--sheets", "0"]
    assert workbench(*asked, "--workers", "0", "--out", "none").code == 0
    assert workbench(*asked, "--workers", "2", "--out", "two").code == 0
    assert threads == [0, 2]
    maps = [load_explanation(tmp_path / out / "explanation-cam.npz").maps for out in ("none", "two")]
    np.testing.assert_array_equal(*maps)


def test_fewer_threads_than_none_are_refused(workbench, films, tmp_path):
    done = workbench("explain", "latest:train", films[0], "--workers", "-1", "--out", "out")
    assert "--workers" in done.refusal
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "grad-kam"], "did you mean 'grad-cam'?"),
        (["-p", "layr=x"], "did you mean 'layer'?"),
        (["-p", "cam.layer=x"], "no option is called 'cam.layer'"),
        (["--method", "activations", "-p", "count=many"], "'many' is no int"),
        (["--scale", "mine"], "wanted own, shared, or two numbers"),
        (["--scale", "3,1"], "is empty"),
        (["--colours", "rainbow-unicorn"], "no colour map is called 'rainbow-unicorn'"),
        (["--threshold", "20"], "no share of the maximum"),
        (["--figures", "jpg"], "wanted png, svg, pdf"),
        (["--target", "abnorml"], "did you mean 'abnormal'?"),
        (["--unit", "patient"], "unit: 'patient' is not one of"),
        (["--precision", "rough"], "precision: 'rough' is not one of"),
        (["--split", "test"], "--split and --root go with a manifest"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_leaves_nothing(
    workbench, trained, films, tmp_path, arguments, words
):
    done = workbench("explain", trained, films[0], *arguments, "--out", "out")
    assert done.code == 1
    assert words in done.refusal
    assert not (tmp_path / "out").exists()


def test_only_unreadable_films_are_an_error_in_one_line(workbench, trained, tmp_path):
    done = workbench("explain", trained, "a.png", "b.png", "--out", "out")
    assert (done.code, done.refusal) == (1, "none of 2 films could be read; first: a.png: no such file")
    assert not (tmp_path / "out").exists()


def test_folders_manifests_beside_films_and_runs_without_a_model_are_refused(workbench, trained, manifest, tmp_path):
    with RunStore(tmp_path / "runs").create("compare", {}) as other:
        pass
    refused = {
        "is a folder": (trained, "films"),
        "give it alone": (trained, manifest, "films/wrist.png"),
        "without a model": (other.folder, "films/wrist.png"),
        "no run": ("20000101", "films/wrist.png"),
    }
    for words, arguments in refused.items():
        done = workbench("explain", *arguments, "--out", "out")
        assert done.code == 1
        assert words in done.refusal.lower()


def test_methods_are_listed_with_their_options(workbench):
    done = workbench("methods")
    assert (done.code, done.err) == (0, "")
    for word in ("grad-cam", "integrated-gradients", "layer=''", "count=16"):
        assert word in done.out
