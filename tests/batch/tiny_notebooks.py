"""Notebooks that pretend to train, evaluate and compare, in seconds: a sweep's own work is what is tested."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

TRAIN_PARAMETERS = """
out = ""  # folder of the run
manifest = "films.csv"  # the films
name = ""  # for readers
architecture = "compact-densenet"  # of the model
weights = "random"  # or a path
epochs = 2  # passes
pause = 0.0  # seconds an epoch
flip = True  # a yes or no
fault = ""  # what goes wrong
journal = ""  # where each epoch is noted
"""
TRAIN = """
import os, time
from pathlib import Path
folder, journal = Path(out), Path(journal or out, "journal.txt")
if fault == "error":
    raise ValueError("no such luck")
if fault == "full":
    raise OSError(28, "No space left on device", str(folder / "last.ckpt"))
if fault == "kernel":
    os.kill(os.getpid(), 9)
begun = len(list(folder.glob("epoch-*")))
for epoch in range(begun, epochs):
    time.sleep(pause)
    Path(folder, f"epoch-{epoch}").write_text(weights)
    with journal.open("a") as note:
        note.write(f"{name} epoch {epoch}\\n")
"""
KEEP = """
model = Path(out, "model.safetensors")
if not model.exists():  # as wb.train: what has finished is not done again
    with journal.open("a") as note:
        note.write(f"{name} trained\\n")
    model.write_text(Path(weights).read_text() + name if weights.endswith("s") else name)
"""
EVALUATE_PARAMETERS = """
out = ""  # folder of the run
run = ""  # the training
manifest = "films.csv"  # the films
split = "test"  # of them
journal = ""  # where it is noted
"""
EVALUATE = """
from pathlib import Path
name = Path(run, "model.safetensors").read_text()
Path(out, "score.txt").write_text(name)
with Path(journal or out, "journal.txt").open("a") as note:
    note.write(f"{name} evaluated\\n")
"""
COMPARE_PARAMETERS = """
out = ""  # folder of the run
runs: list[str] = []  # evaluations
sweep = ""  # folder of the sweep
metric = "auroc"  # which
"""
COMPARE = """
from pathlib import Path
print("compared:", sorted(Path(each, "score.txt").read_text() for each in runs), Path(sweep, "plan.json").is_file())
"""


def write_tiny_notebooks(folder: Path) -> None:
    """Write the three notebooks of a sweep."""
    _write(folder / "30_train.ipynb", TRAIN_PARAMETERS, TRAIN, KEEP)
    _write(folder / "40_evaluate.ipynb", EVALUATE_PARAMETERS, EVALUATE)
    _write(folder / "60_compare.ipynb", COMPARE_PARAMETERS, COMPARE)


def _write(path: Path, parameters: str, *codes: str) -> None:
    tagged = new_code_cell(parameters.strip(), metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[tagged, *map(new_code_cell, codes)]), path)
