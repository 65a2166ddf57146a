from typing import Any

import pytest

from workbench.core.errors import OptionError
from workbench.core.options import options_of
from workbench.imaging.augmentation import Augmentation
from workbench.training.options import TrainingOptions


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "TrainingOptions.epochs: 0 is below 1"),
        ({"schedule": "steps"}, "'steps' is not one of constant, step"),
        ({"keep": "best"}, "'best' is not one of best-loss"),
        ({"learning_rate": float("nan")}, "learning_rate: nan"),
        ({"devices": "gpu"}, "devices: 'gpu' is none of auto, cpu"),
        ({"devices": "cpu:0"}, "devices: 'cpu:0' is none of"),
        ({"seed": -1}, "seed: -1 is below 0"),
    ],
)
def test_wrong_values_are_refused_in_one_line(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as refusal:
        TrainingOptions(**wrong)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("devices", ["auto", "cpu", "cpu:2", "1", "4"])
def test_devices_that_may_be_asked_for(devices: str) -> None:
    assert TrainingOptions(devices=devices).devices == devices


def test_augmentation_is_none_where_nothing_is_done() -> None:
    assert TrainingOptions(flip=False, rotation_deg=0.0).augmentation is None
    assert TrainingOptions(flip=False, rotation_deg=5.0).augmentation == Augmentation(flip=False, rotation_deg=5.0)


def test_every_field_is_a_declared_option() -> None:
    assert [each.name for each in options_of(TrainingOptions)] == list(TrainingOptions.__dataclass_fields__)
