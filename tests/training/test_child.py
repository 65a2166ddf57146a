import pytest

from workbench.core.errors import OptionError
from workbench.training.child import device_choice, lightning_precision


@pytest.mark.parametrize(
    ("devices", "gpus", "choice"),
    [
        ("auto", 0, ("cpu", 1)),
        ("auto", 4, ("cuda", 1)),
        ("cpu", 4, ("cpu", 1)),
        ("cpu:2", 0, ("cpu", 2)),
        ("3", 4, ("cuda", 3)),
    ],
)
def test_devices_become_processes(devices: str, gpus: int, choice: tuple[str, int]) -> None:
    assert device_choice(devices, gpus) == choice


def test_more_gpus_than_there_are_is_refused() -> None:
    with pytest.raises(OptionError, match="devices '2': this machine has 1 GPUs"):
        device_choice("2", 1)


@pytest.mark.parametrize(
    ("precision", "accelerator", "bfloat16", "word"),
    [
        ("auto", "cpu", True, "32-true"),
        ("fp32", "cuda", True, "32-true"),
        ("auto", "cuda", True, "bf16-mixed"),
        ("auto", "cuda", False, "16-mixed"),
        ("bf16", "cpu", False, "bf16-mixed"),
    ],
)
def test_mixed_precision_is_for_gpus(
    precision: str, accelerator: str, bfloat16: bool, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: bfloat16)
    assert lightning_precision(precision, accelerator) == word
