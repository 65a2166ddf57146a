from pathlib import Path

import pytest

from workbench.core.errors import ReaderError, UnknownNameError
from workbench.training.history import EpochRecord, epochs_without_gain, kept_epoch, read_history, write_history


def history(*rows: tuple[float, float, float, float | None]) -> tuple[EpochRecord, ...]:
    """Return records of (train accuracy, valid accuracy, valid loss, valid AUROC)."""
    return tuple(
        EpochRecord(number, 1e-4, 0.5, train, loss, valid, auroc, 1.5)
        for number, (train, valid, loss, auroc) in enumerate(rows, start=1)
    )


SEEN = history((0.60, 0.58, 0.69, 0.62), (0.80, 0.70, 0.50, 0.81), (0.90, 0.75, 0.48, 0.80), (0.99, 0.74, 0.70, 0.79))


RULES = {"best-loss": 3, "best-auroc": 2, "best-accuracy": 3, "least-gap": 1, "last": 4}


@pytest.mark.parametrize(("rule", "epoch"), RULES.items())
def test_each_rule_keeps_its_epoch(rule: str, epoch: int) -> None:
    assert kept_epoch(SEEN, rule) == epoch


def test_ties_go_to_the_lower_loss_then_to_the_earlier_epoch() -> None:
    tied = history((0.9, 0.8, 0.5, 1.0), (0.8, 0.7, 0.4, 1.0), (0.7, 0.6, 0.4, 1.0))
    assert kept_epoch(tied, "best-auroc") == 2
    assert kept_epoch(tied, "best-loss") == 2


def test_without_an_auroc_the_loss_decides() -> None:
    assert kept_epoch(history((0.9, 0.8, 0.5, None), (0.8, 0.7, 0.4, None)), "best-auroc") == 2


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'best-loss'"):
        kept_epoch(SEEN, "best_loss")


def test_gain_is_measured_by_what_is_kept() -> None:
    assert epochs_without_gain(SEEN, "best-loss") == 1
    assert epochs_without_gain(SEEN, "best-auroc") == 2
    assert epochs_without_gain(SEEN[:3], "best-accuracy") == 0
    assert epochs_without_gain(SEEN, "least-gap") == 1
    assert epochs_without_gain(SEEN, "last") == 1


def test_a_history_reads_back_as_it_was(tmp_path: Path) -> None:
    whole = history((1 / 3, 0.1 + 0.2, 0.7, None), (0.5, 0.5, 1e-17, 0.25))
    write_history(whole, tmp_path / "history.csv")
    assert read_history(tmp_path / "history.csv") == whole


@pytest.mark.parametrize("content", ["epoch,learning_rate\n1,2\n", "epoch\nx\n", "\x00\n\x00"])
def test_what_is_no_history_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(ReaderError, match="not the history of a training"):
        read_history(tmp_path / "history.csv")
