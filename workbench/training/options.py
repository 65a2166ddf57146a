"""What a training may be told."""

import re
from dataclasses import dataclass

from workbench.core.errors import OptionError
from workbench.core.options import check_options, option, options_of
from workbench.imaging.augmentation import Augmentation

SCHEDULES = ("constant", "step", "plateau", "quarters", "cosine", "one-cycle")
KEEP_RULES = ("best-loss", "best-auroc", "best-accuracy", "least-gap", "last")
NO_AUGMENTATION = Augmentation(flip=False, rotation_deg=0.0)


@dataclass(frozen=True)
class TrainingOptions:
    """How a classifier is trained; the loss is that of its head, the optimiser Adam (betas 0.9 and 0.999)."""

    epochs: int = option(10, "epochs at most", low=1, high=10_000)
    batch_size: int = option(16, "films of one step, over all devices together", low=1, high=4096)
    learning_rate: float = option(1e-4, "of Adam; the highest one where the schedule moves it", low=1e-9, high=10.0)
    schedule: str = option("plateau", "how the learning rate falls", choices=SCHEDULES)
    factor: float = option(0.1, "of each fall; step and plateau", low=0.0, high=1.0)
    step_epochs: int = option(10, "epochs between two falls; step", low=1, high=10_000)
    plateau_epochs: int = option(1, "epochs without a better validation loss before a fall; plateau", low=1, high=1000)
    patience: int = option(
        0, "epochs without a better epoch before the training stops; 0 never stops", low=0, high=1000
    )
    keep: str = option("best-loss", "which epoch's weights are kept", choices=KEEP_RULES)
    flip: bool = option(True, "mirror films left and right half of the time")
    flip_vertical: bool = option(False, "mirror films top and bottom half of the time")
    rotation_deg: float = option(
        30.0, "rotate films by up to this angle either way; 180 is any angle", low=0.0, high=180.0, unit=" deg"
    )
    centre_crop: float = option(
        1.0, "half of the time cut out the centre, this share of each side, and enlarge it; 1 never", low=0.1, high=1.0
    )
    sharpen: float = option(0.0, "sharpen half of the time, by up to this factor above 1; 0 never", low=0.0, high=10.0)
    blur: float = option(0.0, "blur half of the time by a Gaussian of up to this sigma; 0 never", low=0.0, high=10.0)
    weight_decay: float = option(0.0, "of Adam", low=0.0, high=1.0)
    freeze_batch_norm: bool = option(False, "use the stored means and variances, and leave them as they are")
    channels_last: bool = option(True, "store weights and films with the channels last while training; mostly faster")
    precision: str = option("auto", "auto is mixed on a GPU and fp32 on a CPU", choices=("auto", "fp32", "bf16"))
    devices: str = option("auto", "auto (one GPU, else the CPU), cpu, a number of GPUs, or cpu:2 for two processes")
    workers: int = option(-1, "processes that load films; -1 is none on a CPU and some on a GPU", low=-1, high=256)
    cache: bool = option(True, "keep the placed films on disk for further trainings and processes")
    films_on_device: bool = option(
        False, "keep the placed films of both splits in each GPU's memory and augment them there, without workers"
    )
    seed: int = option(0, "of the order of the films, the augmentation and dropout", low=0)

    def __post_init__(self) -> None:
        check_options(self)
        if not re.fullmatch(r"auto|cpu(:[1-9]\d*)?|[1-9]\d*", self.devices):
            raise OptionError(f"TrainingOptions.devices: {self.devices!r} is none of auto, cpu, cpu:2, 1, 2 ...")

    @property
    def augmentation(self) -> Augmentation | None:
        """What is done to the films of the training split; None where nothing is."""
        names = [each.name for each in options_of(Augmentation)]
        augmentation = Augmentation(**{name: getattr(self, name) for name in names})
        return None if augmentation == NO_AUGMENTATION else augmentation
