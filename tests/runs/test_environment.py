"""A run says what it was computed with, and pays no import for it."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from workbench.runs.environment import device_name, environment_facts, thread_count

WITHOUT_TORCH = """
import sys
import workbench.runs
found = workbench.runs.environment_facts()
assert "torch" not in sys.modules, "torch was loaded"
assert found["device"], found
assert found["libraries"]["torch"], found
"""


def test_importing_and_asking_load_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_torch_is_asked_on_demand() -> None:
    import torch

    assert environment_facts(load_torch=True)["threads"] == torch.get_num_threads()


def test_gpu_named_by_torch() -> None:
    torch = ModuleType("torch")
    vars(torch)["cuda"] = SimpleNamespace(is_available=lambda: True, get_device_name=lambda index: f"card {index}")
    assert device_name(torch) == "card 0"


def test_gpu_named_by_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:01:00.0" / "information").write_text("Model: \t\t Some Card 9\nIRQ: 5\n")
    monkeypatch.setattr("workbench.runs.environment.NVIDIA_GPUS", tmp_path)
    assert device_name(None) == "Some Card 9"


@pytest.mark.parametrize(("wanted", "count"), [("3", 3), ("", None), ("many", None), ("0", None)])
def test_threads_follow_the_environment_variable(
    wanted: str, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    found = thread_count(None)
    assert found == count if count is not None else found >= 1
