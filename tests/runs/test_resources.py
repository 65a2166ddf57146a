"""What a machine or container allows, read from the files in which the kernel says so."""

from pathlib import Path

import pytest

from workbench.runs import resources
from workbench.runs.resources import free_memory_gb, out_of_memory_kills, usable_cores, visible_gpus


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", 6), ("", 6)])
def test_cores_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int) -> None:
    monkeypatch.setattr(resources, "bound_cores", lambda: 6)
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert usable_cores(tmp_path) == cores


def test_memory_is_the_lesser_of_machine_and_container(tmp_path: Path) -> None:
    facts = tmp_path / "meminfo"
    assert free_memory_gb(tmp_path, facts) is None
    facts.write_text("MemTotal: 9 kB\nMemAvailable:   8000000 kB\n")
    assert free_memory_gb(tmp_path, facts) == pytest.approx(8.192)
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("1000000000\n")
    assert free_memory_gb(tmp_path, facts) == pytest.approx(2.0)
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory_gb(tmp_path, facts) == pytest.approx(8.192)


@pytest.mark.parametrize(
    ("text", "gpus"), [("0,2", ("0", "2")), ("", ()), ("-1", ()), ("GPU-1a, GPU-2b", ("GPU-1a", "GPU-2b"))]
)
def test_visible_gpus_are_those_of_the_variable(text: str, gpus: tuple[str, ...]) -> None:
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": text}) == gpus


def test_gpus_of_the_machine_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "NVIDIA_GPUS", tmp_path)
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:02:00.0").mkdir()
    assert visible_gpus({}) == ("0", "1")
    monkeypatch.setattr(resources, "NVIDIA_GPUS", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus({}) == ()


def test_kills_for_memory_are_counted(tmp_path: Path) -> None:
    assert out_of_memory_kills(tmp_path) == 0
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert out_of_memory_kills(tmp_path) == 2
