import json
import sys
from pathlib import Path

import pytest
import torch

from workbench.cli import commands
from workbench.core.manifest import read_manifest
from workbench.core.skipped import read_skipped
from workbench.data.importers.fracatlas import FLAGS
from workbench.models.weights import write_weights
from workbench.models.zoo import build_classifier
from workbench.runs.store import RunStore

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
TRAIN = NOTEBOOKS / "30_train.ipynb"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# ----- usage


def test_help_names_every_command(workbench):
    done = workbench("--help")
    assert (done.code, done.err) == (0, "")
    for command in ("demo", "phantom", "run", "runs", "verify", "lab", "import"):
        assert f"\n  {command} " in done.out


@pytest.mark.parametrize("command", ["demo", "phantom", "run", "runs", "verify", "lab", "import"])
def test_every_command_has_help(workbench, command):
    done = workbench(command, "--help")
    assert done.code == 0
    assert f"workbench {command}" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["verify", "--fast"], "No such option: --fast"),
        (["import", "folder", "films"], "Missing option '--to'"),
        (["demo", "--films", "many"], "Invalid value for '--films'"),
        (["run", TRAIN, "-p", "epochs"], "'epochs' is not NAME=VALUE"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(workbench, arguments, words):
    done = workbench(*arguments)
    assert done.code == 2
    assert words in done.refusal


def test_debug_shows_the_traceback(workbench, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["workbench", "--debug", "verify", "nothing"])
    with pytest.raises(commands.WorkbenchError):
        commands.main()
    assert workbench("verify", "nothing").code == 1  # and the next command is quiet again


def test_ctrl_c_is_exit_code_130(workbench, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(RunStore, "list", interrupted)
    done = workbench("runs")
    assert done.code == 130
    assert "interrupted" in done.err


def test_what_the_system_refuses_is_one_line_too(workbench, tmp_path, draw_film):
    for name in ("a/1.png", "b/1.png"):
        draw_film(tmp_path / "films" / name, 0.5)
    (tmp_path / "taken").write_text("a file, not a folder")
    done = workbench("import", "folder", "films", "--to", "taken/set.csv")
    assert done.code == 1
    assert "taken" in done.refusal
    assert (tmp_path / "taken").read_text() == "a file, not a folder"


# ----- run: refused before anything is made


@pytest.mark.parametrize(
    ("notebook", "parameter", "words"),
    [
        (TRAIN, "epoch=3", "no parameter of 30_train.ipynb is called 'epoch'; did you mean 'epochs'?"),
        (TRAIN, "epochs=three", "parameter epochs: 'three' is a str, wanted int such as 10"),
        (TRAIN, "out=/tmp", "'out' is the run's own folder and cannot be given"),
        ("absent.ipynb", "epochs=3", "absent.ipynb: no such notebook"),
        ("text.ipynb", "epochs=3", "text.ipynb: is not a notebook"),
    ],
)
def test_a_run_that_cannot_be_leaves_nothing_behind(workbench, tmp_path, notebook, parameter, words):
    (tmp_path / "text.ipynb").write_text("no notebook")
    done = workbench("run", notebook, "-p", parameter)
    assert done.code == 1
    assert words in done.refusal
    assert files(tmp_path) == ["text.ipynb"]


def test_an_unknown_run_cannot_be_resumed(workbench, tmp_path):
    assert "no run is called 'nothing'" in workbench("run", TRAIN, "--resume", "nothing").refusal
    assert files(tmp_path) == []


# ----- run: refused inside the notebook


@pytest.fixture
def trainable(tmp_path, draw_film) -> Path:
    """Two splits of two films each, as a manifest."""
    lines = ["case_id,patient_id,study_id,image,label,split"]
    for split in ("train-balanced", "valid-balanced"):
        for label in ("normal", "abnormal"):
            name = f"{split}-{label}"
            draw_film(tmp_path / "films" / f"{name}.png", 0.5)
            lines.append(f"{name},{name},{name},{name}.png,{label},{split}")
    (tmp_path / "set.csv").write_text("\n".join(lines))
    (tmp_path / "set.toml").write_text('name="set"\nclass_names=["normal", "abnormal"]\npositive=["abnormal"]\n')
    return tmp_path / "set.csv"


def another_architecture(path: Path) -> None:
    write_weights(build_classifier("squeezenet1_0").module, path)


def a_pickle(path: Path) -> None:
    torch.save(build_classifier("compact-densenet").module.state_dict(), path)


@pytest.mark.parametrize(
    ("parameter", "make", "words"),
    [
        ("architecture=densnet121", None, "no architecture is called 'densnet121'; did you mean 'densenet121'?"),
        ("weights=other.safetensors", another_architecture, "these are not the weights of compact-densenet"),
        ("weights=other.safetensors", a_pickle, "a pickle, which could run code; give the weights as safetensors"),
    ],
    ids=["unknown architecture", "another architecture", "pickle"],
)
def test_what_cannot_be_trained_is_a_failed_run_without_a_model(workbench, tmp_path, trainable, parameter, make, words):
    if make:
        make(tmp_path / "other.safetensors")
    if parameter.startswith("weights"):
        parameter = f"weights={tmp_path / 'other.safetensors'}"
    done = workbench("run", TRAIN, "-p", f"manifest={trainable}", "-p", f"root={tmp_path / 'films'}", "-p", parameter)
    assert done.code == 1
    assert words in done.refusal
    assert "30_train.ipynb, cell" in done.refusal
    (run,) = RunStore(tmp_path / "runs").list()
    assert run.status == "failed"
    assert not [name for name in files(run.folder) if name.endswith((".safetensors", ".ckpt", ".tmp"))]
    listed = workbench("runs")
    assert run.id in listed.out
    assert "failed" in listed.out
    assert workbench("verify").code == 0


# ----- runs and verify


@pytest.fixture
def finished(tmp_path) -> Path:
    with RunStore(tmp_path / "runs").create("train", {"epochs": 3}) as run:
        (run.folder / "history.csv").write_text("epoch,loss\n1,0.5\n")
    return run.folder


def test_runs_lists_what_is_there(workbench, tmp_path, finished):
    listed = workbench("runs")
    assert (listed.code, listed.err) == (0, "")
    assert finished.name in listed.out
    assert "done" in listed.out
    elsewhere = workbench("runs", "--runs", tmp_path / "elsewhere")
    assert elsewhere.code == 0
    assert finished.name not in elsewhere.out


def test_a_sound_run_holds(workbench, finished):
    for reference in ("latest", "latest:train", finished.name, finished.name[:20], finished):
        done = workbench("verify", reference)
        assert (done.code, done.out) == (0, f"{finished.name}: holds\n")
    assert workbench("verify").code == 0


@pytest.mark.parametrize("harm", ["changed", "missing", "not recorded"])
def test_a_run_that_was_tampered_with_gives_exit_code_1(workbench, finished, harm):
    if harm == "changed":
        (finished / "history.csv").write_text("epoch,loss\n1,0.1\n")
    elif harm == "missing":
        (finished / "history.csv").unlink()
    else:
        (finished / "added.csv").write_text("a")
    for arguments in (["verify"], ["verify", finished.name]):
        done = workbench(*arguments)
        assert (done.code, done.err) == (1, "")
        assert harm in done.out
        assert finished.name in done.out


def test_one_bad_run_among_good_ones_is_named(workbench, tmp_path, finished):
    with RunStore(tmp_path / "runs").create("evaluate", {}) as other:
        (other.folder / "metrics.json").write_text("{}")
    (finished / "history.csv").write_text("")
    done = workbench("verify")
    assert done.code == 1
    assert f"{other.folder.name}: holds" in done.out


@pytest.mark.parametrize("reference", ["nothing", "./absent"])
def test_an_unknown_run_is_refused(workbench, finished, reference):
    done = workbench("verify", reference)
    assert done.code == 1
    assert done.refusal


# ----- import folder


def test_a_folder_is_imported_and_what_was_skipped_is_listed(workbench, tmp_path, draw_film):
    films = tmp_path / "films"
    for name in ("normal/1.png", "normal/2.png", "abnormal/3.png"):
        draw_film(films / name, int(name[-5]) / 5)
    draw_film(films / "stray.png", 0.9)
    (films / "abnormal" / "cut.png").write_bytes((films / "normal" / "1.png").read_bytes()[:60])
    (films / "abnormal" / "empty.png").touch()
    done = workbench("import", "folder", films, "--to", tmp_path / "sets" / "own.csv")
    assert (done.code, done.err) == (0, "")
    assert "3 films, 0 annotated, 3 skipped" in done.out
    for name in ("stray.png", "cut.png", "empty.png"):
        assert sum(name in line for line in done.out.splitlines()) == 1
    manifest = read_manifest(tmp_path / "sets" / "own.csv", films)
    assert {case.image for case in manifest} == {"normal/1.png", "normal/2.png", "abnormal/3.png"}
    assert manifest.positive == ("abnormal",)
    assert all(manifest.path(case).is_file() for case in manifest)


def test_a_long_list_of_skipped_is_cut_and_counted(workbench, tmp_path, draw_film):
    for name in ("a/1.png", "b/1.png"):
        draw_film(tmp_path / "films" / name, 0.5)
    for index in range(30):
        (tmp_path / "films" / "a" / f"bad{index:02d}.png").touch()
    done = workbench("import", "folder", "films", "--to", "set.csv")
    (line,) = [line for line in done.out.splitlines() if "the file is empty" in line]
    assert line.split()[0] == "30"
    assert len(read_skipped(tmp_path / "set.skipped.csv")) == 30
    assert "skipped, one by one: set.skipped.csv" in done.out


def test_labels_and_positive_classes_are_taken(workbench, tmp_path, draw_film):
    for index in range(3):
        draw_film(tmp_path / "films" / f"{index}.png", index / 4)
    (tmp_path / "labels.csv").write_text("image,label\n0.png,fine\n1.png,broken\n2.png\n9.png,fine\n")
    done = workbench("import", "folder", "films", "--to", "set.csv", "--labels", "labels.csv", "--positive", "broken")
    assert done.code == 0
    assert "2 films" in done.out
    assert "labels.csv:4: 1 values for 2 columns" in done.out
    assert "labels.csv:5: 9.png: missing from films" in done.out
    assert read_manifest("set.csv", "films").positive == ("broken",)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent"], "absent: no such folder"),
        (["films"], "readable films of two or more classes are wanted, found only 'a'"),
        (["films", "--labels", "absent.csv"], "absent.csv: no such file"),
        (["films", "--labels", "wrong.csv"], "wrong.csv:1: column 'image' is missing"),
        (["films", "--positive", "c"], "two or more classes"),
    ],
)
def test_a_folder_that_cannot_be_imported_writes_nothing(workbench, tmp_path, draw_film, arguments, words):
    draw_film(tmp_path / "films" / "a" / "1.png", 0.5)
    (tmp_path / "wrong.csv").write_text("film;label\n1.png;a\n")
    before = files(tmp_path)
    done = workbench("import", "folder", *arguments, "--to", "set.csv")
    assert done.code == 1
    assert words in done.refusal
    assert files(tmp_path) == before


# ----- import fracatlas


@pytest.fixture
def fracatlas(tmp_path, draw_film) -> Path:
    """Four films and a fifth that is absent; one of them is cut, one drawn with a fracture, one line is bad."""
    root = tmp_path / "FracAtlas"
    names = {1: "Fractured", 2: "Non_fractured", 3: "Non_fractured", 4: "Fractured"}
    for number, folder in names.items():
        draw_film(root / "images" / folder / f"IMG{number:07d}.png", number / 5)
    cut = root / "images" / "Non_fractured" / "IMG0000003.png"
    cut.write_bytes(cut.read_bytes()[:60])
    lines = [",".join(["image_id", *FLAGS])]
    for number in range(1, 6):
        flags = ["1" if flag == "hand" or (flag == "fractured" and number in (1, 4)) else "0" for flag in FLAGS]
        lines.append(",".join([f"IMG{number:07d}.png", *flags]))
    lines.append("IMG0000006.png,maybe")
    (root / "dataset.csv").write_text("\n".join(lines))
    drawn = {
        "images": [{"id": n, "file_name": f"IMG{n:07d}.png", "width": 30, "height": 40} for n in (1, 4)],
        "categories": [{"id": 0, "name": "fractured"}],
        "annotations": [
            {"image_id": n, "category_id": 0, "bbox": [4, 4, 6, 6], "segmentation": [[4, 4, 10, 4, 10, 10, 4, 10]]}
            for n in (1, 4)
        ],
    }
    path = root / "Annotations" / "COCO JSON" / "COCO_fracture_masks.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(drawn))
    return root


def test_fracatlas_is_imported_and_what_was_skipped_is_listed(workbench, tmp_path, fracatlas):
    done = workbench("import", "fracatlas", fracatlas, "--to", tmp_path / "set.csv")
    assert (done.code, done.err) == (0, "")
    assert "3 films, 2 annotated, 3 skipped" in done.out
    for words in ("dataset.csv:7: 2 values for", "IMG0000005.png: missing", "IMG0000003.png"):
        assert sum(words in line for line in done.out.splitlines()) == 1
    manifest = read_manifest(tmp_path / "set.csv", fracatlas)
    assert [case.label for case in manifest] == ["fractured", "normal", "fractured"]
    assert manifest[0].mask("fracture").sum() == 36
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent"], "absent: not FracAtlas; wanted a folder with images, dataset.csv and Annotations"),
        (["FracAtlas", "--split", "absent.csv"], "absent.csv: no such file"),
        (["FracAtlas", "--split", "wrong.csv"], "wrong.csv:1: column 'split' is missing"),
    ],
)
def test_fracatlas_that_cannot_be_imported_writes_nothing(workbench, tmp_path, fracatlas, arguments, words):
    (tmp_path / "wrong.csv").write_text("image_id\nIMG0000001.png\n")
    done = workbench("import", "fracatlas", *arguments, "--to", "set.csv")
    assert done.code == 1
    assert words in done.refusal
    assert not list(tmp_path.glob("set.*"))


# ----- import mura


def test_mura_is_imported_and_held_against_what_was_published(workbench, tmp_path, draw_film):
    base = tmp_path / "MURA-v1.1"
    films = (
        "train/XR_WRIST/patient00001/study1_positive/image1.png",
        "valid/XR_HAND/patient2/study1_negative/image1.png",
    )
    for index, film in enumerate(films):
        draw_film(base / film, index / 3)
        (base / Path(film).parent / "._image1.png").write_bytes(b"x")
    (base / "train_image_paths.csv").write_text(f"MURA-v1.1/{films[0]}\nMURA-v1.1/{films[0][:-5]}2.png\n")
    (base / "train_labeled_studies.csv").write_text(f"MURA-v1.1/{Path(films[0]).parent}/,0\n")
    done = workbench("import", "mura", tmp_path, "--to", "sets/mura.csv")
    assert (done.code, done.err) == (0, "")
    assert "sets/mura.csv: 2 films, 0 annotated, 1 skipped" in done.out
    assert "2 files left by systems (._*, .DS_Store) ignored" in done.out
    assert f"{films[0]} counts as normal; otherwise say: folder" in done.out
    assert "image2.png: missing from" in done.out
    wrist = next(line for line in done.out.splitlines() if line.startswith("wrist "))
    assert "1 (-2,133)" in wrist
    assert "0 (-1,326)" in wrist
    assert "train images: 1 (-36,807) of 36,808 published" in done.out
    assert len(read_skipped(Path("sets/mura.skipped.csv"))) == 1


def test_a_folder_that_is_not_mura_writes_nothing(workbench, tmp_path):
    assert "not MURA; wanted the folder MURA-v1.1" in workbench("import", "mura", tmp_path, "--to", "set.csv").refusal
    assert files(tmp_path) == []


# ----- import coco


@pytest.fixture
def annotated(workbench, tmp_path, draw_film) -> Path:
    """Return a COCO file for the films of ``set.csv``, of which one more was skipped when they were imported."""
    for index, name in enumerate(("normal/1.png", "abnormal/2.png")):
        draw_film(tmp_path / "data" / "films" / name, index / 3)
    (tmp_path / "data" / "films" / "normal" / "empty.png").touch()
    assert workbench("import", "folder", "data/films", "--to", "sets/set.csv").code == 0
    drawn = {
        "images": [{"id": 1, "file_name": "1.png", "width": 30, "height": 40}, {"id": 2, "file_name": "3.png"}],
        "categories": [{"id": 1, "name": "marker"}, {"id": 2, "name": "screw"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [4, 4, 6, 6]},
            {"image_id": 1, "category_id": 2, "bbox": [9, 9, 6, 6]},
            {"image_id": 2, "category_id": 1, "bbox": [4, 4, 6, 6]},
        ],
    }
    (tmp_path / "drawn.json").write_text(json.dumps(drawn))
    return tmp_path / "drawn.json"


def test_annotations_are_attached_and_renamed(workbench, annotated):
    command = ("import", "coco", annotated, "--manifest", "sets/set.csv", "--to", "sets/set.csv", "--category")
    done = workbench(*command, "marker=flag")
    assert (done.code, done.err) == (0, "")
    assert "1 annotations attached, 1 skipped; 1 of 2 films annotated" in done.out
    assert "3.png: no film of the manifest has this name (1 annotations)" in done.out
    assert [each.category for case in read_manifest("sets/set.csv") for each in case.annotations] == ["flag"]
    reasons = [each.reason for each in read_skipped(Path("sets/set.skipped.csv"))]
    assert reasons == ["the file is empty", "no film of the manifest has this name (1 annotations)"]
    assert "nothing new" in workbench(*command, "marker=flag").out
    assert len(read_skipped(Path("sets/set.skipped.csv"))) == 2


@pytest.mark.parametrize(
    ("category", "words"),
    [("flag", "has no category 'flag'; it has marker, screw"), ("marker=", "'marker=' is neither NAME nor NAME=NEW")],
)
def test_a_wrong_category_changes_nothing(workbench, tmp_path, annotated, category, words):
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    done = workbench(
        "import", "coco", annotated, "--manifest", "sets/set.csv", "--to", "new.csv", "--category", category
    )
    assert words in done.refusal
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before
