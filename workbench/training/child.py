"""The training itself, in the process that :func:`workbench.training.train` starts for it (one for each device)."""

from contextlib import nullcontext
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment

from workbench.core.errors import OptionError
from workbench.core.files import write_json
from workbench.core.manifest import read_manifest
from workbench.models.checkpoints import load_classifier
from workbench.runs.freed_memory import freed_memory_kept
from workbench.training.checkpoint_io import SafeCheckpointIO
from workbench.training.film_data import FilmData
from workbench.training.history import EpochRecord, kept_epoch
from workbench.training.keeper import EpochKeeper, has_stalled, is_finished, read_checkpoint
from workbench.training.module import ClassifierTraining
from workbench.training.options import TrainingOptions
from workbench.training.progress import Follow, Progress
from workbench.training.result import INITIAL_FOLDER, MANIFEST_NAME, RESULT_NAME
from workbench.training.spec import TrainingSpec, read_spec


def run_training(folder: Path, send: Follow) -> None:
    """Train what a folder describes, from its last whole epoch on.

    Parameters
    ----------
    folder
        As :func:`workbench.training.train` prepared it.
    send
        Is told how far the training is.

    Raises
    ------
    WorkbenchError
        Model, films, options or checkpoint cannot be used, or the training diverged.
    """
    spec = read_spec(folder)
    options = spec.options
    classifier = load_classifier(folder / INITIAL_FOLDER)
    manifest = read_manifest(folder / INITIAL_FOLDER / MANIFEST_NAME, spec.root)
    past = read_checkpoint(folder, spec)
    if past:
        classifier.module.load_state_dict(past.weights)
    history = past.history if past else ()
    module = ClassifierTraining(classifier, options, history=history, optimiser_state=past.optimiser if past else None)
    data = FilmData(
        manifest.split(spec.train_split),
        manifest.split(spec.valid_split),
        recipe=classifier.recipe,
        options=options,
        first_epoch=len(history),
        progress=lambda done, total: send(Progress("films", done, total)),
    )
    trainer = build_trainer(options, EpochKeeper(folder, spec, send), epochs=options.epochs - len(history))
    if past:
        trainer.precision_plugin.load_state_dict(past.precision)
    if is_finished(history, options):
        data.setup("fit")  # the epochs are all there, only the result was not written: it names the films
    else:
        on_cpu = trainer.strategy.root_device.type == "cpu"
        with freed_memory_kept() if on_cpu else nullcontext():
            trainer.fit(module, datamodule=data)
    if trainer.is_global_zero:
        _write_result(folder, spec, module.history, data)


def build_trainer(options: TrainingOptions, keeper: EpochKeeper, *, epochs: int) -> Trainer:
    """Return a Lightning trainer that does the steps and nothing else.

    Logging, progress bar, summary and sanity check are off: the module collects its numbers itself, the keeper
    writes and reports, and nothing is done at a step that can wait for the end of the epoch.
    """
    accelerator, count = device_choice(options.devices, torch.cuda.device_count())
    # With deterministic algorithms torch writes over every new tensor, for programs that read what they never wrote.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # not in its stub
    return Trainer(
        accelerator=accelerator,
        devices=count,
        strategy="ddp" if count > 1 else "auto",
        precision=lightning_precision(options.precision, accelerator),
        max_epochs=max(epochs, 0),
        callbacks=[keeper],
        # Our own command starts us, whatever a cluster's variables say.
        plugins=[SafeCheckpointIO(), LightningEnvironment()],
        deterministic="warn",
        logger=False,
        enable_checkpointing=True,  # by the keeper
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # EpochSampler shares the films out
    )


def device_choice(devices: str, gpus: int) -> tuple[str, int]:
    """Return Lightning's accelerator and the number of processes.

    Parameters
    ----------
    devices
        As in :class:`TrainingOptions`.
    gpus
        On this machine.

    Returns
    -------
    tuple
        ``("cuda" or "cpu", count)``.

    Raises
    ------
    OptionError
        More GPUs are wanted than there are.
    """
    if devices == "auto":
        return ("cuda", 1) if gpus else ("cpu", 1)
    if devices.startswith("cpu"):
        return "cpu", int(devices.partition(":")[2] or 1)
    if int(devices) > gpus:
        raise OptionError(f"devices {devices!r}: this machine has {gpus} GPUs; give auto or cpu, or at most {gpus}")
    return "cuda", int(devices)


def lightning_precision(precision: str, accelerator: str) -> str:
    """Return Lightning's word; "auto" is mixed on a GPU, in bfloat16 where the GPU has it."""
    if precision == "fp32" or (precision == "auto" and accelerator == "cpu"):
        return "32-true"
    if precision == "bf16" or torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16-mixed"
    return "16-mixed"


def _write_result(folder: Path, spec: TrainingSpec, history: tuple[EpochRecord, ...], data: FilmData) -> None:
    """Write what marks the training as finished; the rest is already there."""
    options, done = spec.options, len(history)
    ended = f"no better epoch in {options.patience}" if has_stalled(history, options) else f"all {done} epochs done"
    train_films, valid_films = data.films
    content = {
        "training": spec.digest,
        "kept_epoch": kept_epoch(history, options.keep),
        "reason": f"{ended}; kept by the rule {options.keep}",
        "train_films": train_films,
        "valid_films": valid_films,
        "skipped": [[each.what, each.reason] for each in data.skipped],
    }
    write_json(folder / RESULT_NAME, content)
