"""Training in a child process: the same path on a CPU, on one GPU and on several, from a notebook or a terminal."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import workbench
from workbench.core.errors import RunError, WorkbenchError
from workbench.core.files import read_json
from workbench.core.manifest import Manifest, write_manifest
from workbench.models.checkpoints import save_classifier
from workbench.models.classifier import Classifier, check_classes
from workbench.training.options import TrainingOptions
from workbench.training.progress import Follow, parsed_line
from workbench.training.result import (
    CHECKPOINT_NAME,
    INITIAL_FOLDER,
    LOG_NAME,
    MANIFEST_NAME,
    RESULT_NAME,
    TrainingResult,
    read_result,
)
from workbench.training.spec import NAME as SPEC_NAME
from workbench.training.spec import TrainingSpec, read_spec, training_spec

GRACE_S = 10.0
"""How long a process that was asked to end may take before it is killed."""
LAUNCHER_VARIABLES = ("LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Set by launchers of distributed programs; a child that inherits them takes itself for one of their processes."""


def train(
    classifier: Classifier,
    manifest: Manifest,
    folder: str | Path,
    options: TrainingOptions | None = None,
    *,
    train_split: str = "train",
    valid_split: str = "valid",
    follow: Follow | None = None,
) -> TrainingResult:
    """Train a classifier in a child process and return what it left in the folder.

    After each whole epoch the folder holds ``last.ckpt``, ``history.csv`` and, as ``model.safetensors`` with
    ``model.json``, the weights that the rule of keeping chose so far. When the training is interrupted (Ctrl-C, a
    signal, the end of this process), calling again with the same arguments goes on after the last whole epoch; on the
    same machine with the same number of threads the outcome is equal bit by bit to that of an uninterrupted one. A
    training that has finished is not done again: its result is read.

    Parameters
    ----------
    classifier
        Of the zoo. It is not changed: the child trains a copy.
    manifest
        Holds both splits; films that cannot be read and cases without a label are skipped.
    folder
        Of this training alone; made where it is missing.
    options
        How.
    train_split
        Split of the manifest to learn from.
    valid_split
        Split to look at after each epoch; the rule of keeping reads it.
    follow
        Is told how far the training is; what it raises stops the training.

    Returns
    -------
    TrainingResult
        Its folder is that of the kept weights.

    Raises
    ------
    RunError
        The folder holds another training, or the child failed: one line with its last words.
    WorkbenchError
        What the child refused: films, weights, checkpoint or options.
    """
    folder, options = Path(folder), options or TrainingOptions()
    check_classes(classifier, manifest)
    spec = training_spec(classifier, manifest, options, train_split=train_split, valid_split=valid_split)
    if (folder / SPEC_NAME).exists():
        spec.check_same(read_spec(folder), folder)
    if not _has_finished(folder, spec):
        _prepare(folder, spec, classifier, manifest)
        _follow_child(folder, follow)
    _clear_away(folder)
    return read_result(folder)


def _has_finished(folder: Path, spec: TrainingSpec) -> bool:
    path = folder / RESULT_NAME
    return path.exists() and bool(read_json(path).get("training") == spec.digest)


def _prepare(folder: Path, spec: TrainingSpec, classifier: Classifier, manifest: Manifest) -> None:
    """Write all that the child needs; the spec last, because it says that the rest is there."""
    for left_over in folder.glob(".*.tmp"):  # of a process that was killed while it wrote
        left_over.unlink()
    cases = manifest.split(spec.train_split, spec.valid_split)
    save_classifier(classifier, folder / INITIAL_FOLDER)
    bare = cases.where(replace(case, annotations=()) for case in cases)
    write_manifest(replace(bare, options={}), folder / INITIAL_FOLDER / MANIFEST_NAME)
    spec.write(folder)


def _follow_child(folder: Path, follow: Follow | None) -> None:
    refusal: WorkbenchError | None = None
    with (folder / LOG_NAME).open("wb") as log:
        child = _started_child(folder, log.fileno())
        try:
            for line in child.stdout or ():
                if not line.endswith("\n"):
                    break  # killed in the middle of a word
                told = parsed_line(line)
                if isinstance(told, WorkbenchError):
                    refusal = told
                elif follow is not None:
                    follow(told)
            child.wait()
        finally:
            _stop(child)
    if refusal is not None:
        raise refusal
    if child.returncode:
        raise RunError(_last_words(child.returncode, folder / LOG_NAME))


def _started_child(folder: Path, log: int) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if name not in LAUNCHER_VARIABLES}
    library = str(Path(workbench.__file__).resolve().parents[1])  # found alike where it is not installed
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [library, environment.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "workbench.training", str(folder.resolve())],
        stdin=subprocess.PIPE,  # stays open as long as we live: its end tells the child that we are gone
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        encoding="utf-8",
        env=environment,
        start_new_session=True,  # Ctrl-C reaches us alone, and we end all its processes together
    )


def _stop(child: "subprocess.Popen[str]") -> None:
    """End the child with all processes of its group, by force where it does not listen."""
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
    if child.returncode != 0:
        _signal_group(child, signal.SIGKILL)
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def _signal_group(child: "subprocess.Popen[str]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _last_words(code: int, log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    words = lines[-1] if lines else "it said nothing"
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return f"the training process {how}: {words} (log: {log})"


def _clear_away(folder: Path) -> None:
    """Remove what only an unfinished training needs."""
    (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
    shutil.rmtree(folder / INITIAL_FOLDER, ignore_errors=True)
