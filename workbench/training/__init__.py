"""Floor 3: training with Lightning, always in a child process. Importing it does not load Lightning."""

from workbench.training.fit import train
from workbench.training.history import EpochRecord, kept_epoch, read_history
from workbench.training.options import TrainingOptions
from workbench.training.progress import Progress
from workbench.training.result import TrainingResult, read_result
from workbench.training.schedules import learning_rate

__all__ = [
    "EpochRecord",
    "Progress",
    "TrainingOptions",
    "TrainingResult",
    "kept_epoch",
    "learning_rate",
    "read_history",
    "read_result",
    "train",
]
