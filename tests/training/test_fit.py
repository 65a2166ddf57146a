"""Each child process imports Lightning for seconds: the runs are shared by all that is asserted of them."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import torch

from workbench.core.errors import ManifestError, ModelError, RunError
from workbench.core.files import read_json
from workbench.core.manifest import Manifest, write_manifest
from workbench.imaging.recipes import Recipe
from workbench.models.checkpoints import load_classifier, save_classifier
from workbench.models.classifier import Classifier, predict
from workbench.models.weights import read_weights
from workbench.models.zoo import build_classifier
from workbench.training import Progress, TrainingOptions, TrainingResult, read_history, train
from workbench.training.keeper import read_checkpoint
from workbench.training.result import CHECKPOINT_NAME
from workbench.training.spec import read_spec, training_spec

OPTIONS = TrainingOptions(
    epochs=4,
    batch_size=8,
    learning_rate=3e-3,
    schedule="one-cycle",
    keep="best-auroc",
    rotation_deg=10.0,
    devices="cpu",
)
SHORT = replace(OPTIONS, epochs=3)
SPLITS = {"train_split": "train", "valid_split": "valid"}


def fresh(architecture: str = "compact-densenet") -> Classifier:
    return build_classifier(architecture, recipe=Recipe(size=32, normalisation="centred"), seed=1)


def with_dropout() -> Classifier:
    """Return a network with BatchNorm and dropout: both must be as they would have been when a training goes on."""
    return fresh("mobilenet_v2")


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if "workbench.training" in child.cmdline()]


@dataclass(frozen=True)
class Whole:
    """An uninterrupted training and what was told of it."""

    result: TrainingResult
    told: tuple[Progress, ...]


@pytest.fixture(scope="module")
def whole(toy: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    told: list[Progress] = []
    result = train(fresh(), toy, tmp_path_factory.mktemp("whole"), OPTIONS, follow=told.append)
    return Whole(result, tuple(told))


@pytest.fixture(scope="module")
def interrupted(toy: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a training stopped by Ctrl-C after one epoch and killed after another."""
    folder = tmp_path_factory.mktemp("interrupted")

    def press_ctrl_c(progress: Progress) -> None:
        if progress.stage == "epochs":
            raise KeyboardInterrupt

    def kill(progress: Progress) -> None:
        if progress.stage == "epochs":
            children()[0].kill()

    with pytest.raises(KeyboardInterrupt):
        train(with_dropout(), toy, folder, SHORT, follow=press_ctrl_c)
    assert not children()
    with pytest.raises(RunError, match=r"^the training process was killed by SIGKILL: .* \(log: .*training\.log\)$"):
        train(with_dropout(), toy, folder, SHORT, follow=kill)
    assert not children()
    return folder


def test_a_separable_set_is_learnt(whole: Whole) -> None:
    assert whole.result.kept.valid_auroc == 1.0
    assert whole.result.history[-1].train_loss < whole.result.history[0].train_loss


def test_the_result_counts_every_film(whole: Whole) -> None:
    result = whole.result
    assert (result.train_films, result.valid_films) == (32, 15)
    assert [each.what for each in result.skipped] == ["47.png"]
    assert result.reason == "all 4 epochs done; kept by the rule best-auroc"
    assert result.seconds == sum(record.seconds for record in result.history)


def test_the_folder_holds_the_result_and_nothing_else(whole: Whole) -> None:
    names = {"history.csv", "model.json", "model.safetensors", "training-spec.json", "training.json", "training.log"}
    assert {path.name for path in whole.result.folder.iterdir()} == names
    assert read_history(whole.result.folder / "history.csv") == whole.result.history
    assert (whole.result.folder / "training.log").read_text() == ""


def test_the_kept_weights_say_on_their_own_what_the_history_says(whole: Whole, toy: Manifest) -> None:
    kept = load_classifier(whole.result.folder)
    predictions, skipped = predict(kept, toy.split("valid"))
    right = (predictions.probabilities.argmax(axis=1) == predictions.labels).mean()
    assert len(skipped) == 1
    assert right == pytest.approx(whole.result.kept.valid_accuracy)
    assert kept.provenance["training"]["kept"]["epoch"] == whole.result.kept_epoch
    assert kept.provenance["training"]["options"]["learning_rate"] == 3e-3


def test_the_training_is_followed(whole: Whole) -> None:
    films = [progress for progress in whole.told if progress.stage == "films"]
    epochs = [progress for progress in whole.told if progress.stage == "epochs"]
    steps = [progress for progress in whole.told if progress.stage == "steps"]
    assert (films[-1].done, films[-1].total) == (48, 48)
    assert tuple(progress.record for progress in epochs) == whole.result.history
    assert [progress.done for progress in epochs] == [1, 2, 3, 4]
    assert (steps[-1].done, steps[-1].total) == (16, 16)


def test_a_finished_training_is_not_done_again(whole: Whole, toy: Manifest) -> None:
    told: list[Progress] = []
    again = train(fresh(), toy, whole.result.folder, replace(OPTIONS, workers=1), follow=told.append)
    assert again == whole.result
    assert not told


def test_another_training_in_the_same_folder_is_refused(whole: Whole, toy: Manifest) -> None:
    folder = whole.result.folder
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(RunError, match=r"holds a training with learning_rate 0\.003, not 0\.001; give the same"):
        train(fresh(), toy, folder, replace(OPTIONS, learning_rate=1e-3))
    with pytest.raises(RunError, match="holds a training with manifest_digest"):
        train(fresh(), toy[1:], folder, OPTIONS)
    with pytest.raises(RunError, match="architecture 'compact-densenet', not 'mobilenet_v2'"):
        train(with_dropout(), toy, folder, OPTIONS)
    assert (folder / "model.safetensors").read_bytes() == before


def test_an_interrupted_training_leaves_its_last_whole_epoch(interrupted: Path, toy: Manifest) -> None:
    past = read_checkpoint(interrupted, read_spec(interrupted))
    assert past is not None
    assert [record.epoch for record in past.history] == [1, 2]
    assert read_history(interrupted / "history.csv") == past.history
    assert not list(interrupted.rglob("*.tmp"))


def test_a_checkpoint_of_another_training_is_refused(interrupted: Path, toy: Manifest) -> None:
    other = training_spec(with_dropout(), toy, replace(SHORT, seed=9), **SPLITS)
    with pytest.raises(ModelError, match=r"last\.ckpt: belongs to another training"):
        read_checkpoint(interrupted, other)


def test_a_resumed_training_ends_bit_equal(interrupted: Path, toy: Manifest, tmp_path: Path) -> None:
    resumed = train(with_dropout(), toy, interrupted, SHORT)
    straight = train(with_dropout(), toy, tmp_path, SHORT)
    timeless = [[replace(record, seconds=0.0) for record in each.history] for each in (resumed, straight)]
    assert timeless[0] == timeless[1]
    assert resumed.kept_epoch == straight.kept_epoch
    ours, theirs = (read_weights(each.folder / "model.safetensors") for each in (resumed, straight))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not (interrupted / CHECKPOINT_NAME).exists()


def test_the_classifier_given_is_not_changed(whole: Whole) -> None:
    sha256 = read_json(whole.result.folder / "training-spec.json")["model"]["initial_weights_sha256"]
    assert fresh().provenance["weights_sha256"] == sha256


def test_what_the_child_refuses_is_one_line_here(toy: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as refusal:
        train(fresh(), replace(toy, root=tmp_path / "elsewhere"), tmp_path / "run", OPTIONS)
    assert str(refusal.value) == "toy: none of 32 films could be read; first: 0.png: no such file"
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_other_classes_are_refused_before_anything_is_written(toy: Manifest, tmp_path: Path) -> None:
    other = build_classifier("compact-densenet", class_names=("healthy", "broken"), positive=("broken",))
    with pytest.raises(ModelError, match="the model tells healthy, broken apart"):
        train(other, toy, tmp_path / "run", OPTIONS)
    assert not (tmp_path / "run").exists()


def test_films_on_the_device_change_nothing_on_a_cpu(whole: Whole, toy: Manifest, tmp_path: Path) -> None:
    moved = train(fresh(), toy, tmp_path, replace(OPTIONS, films_on_device=True))
    timeless = [[replace(record, seconds=0.0) for record in each.history] for each in (moved, whole.result)]
    assert timeless[0] == timeless[1]
    ours, theirs = (read_weights(each.folder / "model.safetensors") for each in (moved, whole.result))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.slow
def test_two_processes_do_as_one(toy: Manifest, tmp_path: Path) -> None:
    # With frozen statistics a step is the mean over its films, whoever computes them.
    options = replace(OPTIONS, epochs=2, freeze_batch_norm=True, learning_rate=1e-3, schedule="constant")
    one = train(fresh(), toy, tmp_path / "one", replace(options, devices="cpu"))
    two = train(fresh(), toy, tmp_path / "two", replace(options, devices="cpu:2"))
    assert (two.train_films, two.valid_films) == (32, 15)  # 15 films on two processes: one is seen twice, counted once
    for alone, shared in zip(one.history, two.history, strict=True):
        assert shared.train_loss == pytest.approx(alone.train_loss, rel=1e-3)
        assert shared.valid_loss == pytest.approx(alone.valid_loss, rel=1e-3)
    ours, theirs = (read_weights(each.folder / "model.safetensors") for each in (one, two))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-2) for name in ours if ours[name].is_floating_point())


@pytest.mark.slow
def test_the_child_ends_with_its_parent(toy: Manifest, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from workbench.core.manifest import read_manifest\n"
        "from workbench.models.checkpoints import load_classifier\n"
        "from workbench.training import TrainingOptions, train\n"
        "root, folder, model, films = map(Path, sys.argv[1:])\n"
        "options = TrainingOptions(epochs=10_000, devices='cpu')\n"
        "tell = lambda progress: print(progress.stage, flush=True)\n"
        "train(load_classifier(model), read_manifest(films, root), folder, options, follow=tell)\n"
    )
    save_classifier(fresh(), tmp_path / "model")
    write_manifest(toy, tmp_path / "toy.csv")
    arguments = [toy.root, tmp_path / "run", tmp_path / "model", tmp_path / "toy.csv"]
    with subprocess.Popen([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True) as parent:
        while parent.stdout.readline().strip() != "epochs":
            assert parent.poll() is None
        (child,) = [each for each in psutil.Process(parent.pid).children() if "workbench.training" in each.cmdline()]
        os.kill(parent.pid, signal.SIGKILL)
    psutil.wait_procs([child], timeout=20)
    assert not child.is_running()
    assert read_checkpoint(tmp_path / "run", read_spec(tmp_path / "run")) is not None
