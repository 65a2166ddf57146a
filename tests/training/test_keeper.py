from dataclasses import replace
from pathlib import Path

import pytest

from workbench.core.files import digest_of
from workbench.core.manifest import Manifest
from workbench.models.classifier import Classifier
from workbench.training.checkpoint_io import SafeCheckpointIO
from workbench.training.history import EpochRecord
from workbench.training.keeper import has_stalled, is_finished, read_checkpoint
from workbench.training.options import TrainingOptions
from workbench.training.spec import read_spec, training_spec

FIRST = EpochRecord(1, 1e-4, 0.5, 0.8, 0.4, 0.8, 0.9, 1.0)


def losses(*values: float) -> tuple[EpochRecord, ...]:
    return tuple(replace(FIRST, epoch=number, valid_loss=loss) for number, loss in enumerate(values, start=1))


@pytest.mark.parametrize(
    ("seen", "patience", "stalled"),
    [((0.5, 0.4, 0.6), 2, False), ((0.5, 0.4, 0.6, 0.4), 2, True), ((0.5, 0.6, 0.7), 0, False), ((0.5, 0.4), 1, False)],
)
def test_patience_ends_after_epochs_without_gain(seen: tuple[float, ...], patience: int, stalled: bool) -> None:
    options = TrainingOptions(epochs=9, patience=patience)
    assert has_stalled(losses(*seen), options) is stalled
    assert is_finished(losses(*seen), options) is stalled


def test_a_training_is_finished_after_its_epochs() -> None:
    assert not is_finished((), TrainingOptions(epochs=1, patience=1))
    assert not is_finished(losses(0.5, 0.6), TrainingOptions(epochs=3))
    assert is_finished(losses(0.5, 0.6, 0.7), TrainingOptions(epochs=3))


def test_the_checkpoint_of_this_training_alone_is_read(classifier: Classifier, toy: Manifest, tmp_path: Path) -> None:
    spec = training_spec(classifier, toy, TrainingOptions(), train_split="train", valid_split="valid")
    spec.write(tmp_path)
    assert read_spec(tmp_path) == spec
    assert read_checkpoint(tmp_path, spec) is None
    state = {"training": spec.digest, "history": [FIRST.__dict__], "weights": {}, "optimiser": {}, "precision": {}}
    SafeCheckpointIO().save_checkpoint(state, tmp_path / "last.ckpt")
    past = read_checkpoint(tmp_path, spec)
    assert past is not None
    assert past.history == (FIRST,)


def test_an_option_that_came_later_leaves_what_was_begun_before_it_alone(classifier: Classifier, toy: Manifest) -> None:
    plain, moved = (
        training_spec(classifier, toy, TrainingOptions(films_on_device=on), train_split="train", valid_split="valid")
        for on in (False, True)
    )
    before = {name: value for name, value in plain.identity.items() if name != "films_on_device"}
    assert plain.digest == digest_of(before) != moved.digest
