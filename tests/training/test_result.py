"""What a finished training left, and what a model trained elsewhere did not."""

from pathlib import Path

import pytest

from workbench.core.errors import RunError
from workbench.training.result import RESULT_NAME, training_seconds


def test_a_model_trained_elsewhere_has_no_training_time(tmp_path: Path) -> None:
    assert training_seconds(tmp_path) is None


def test_a_damaged_result_is_not_taken_for_one_trained_elsewhere(tmp_path: Path) -> None:
    (tmp_path / RESULT_NAME).write_text("{")
    with pytest.raises(RunError, match="no finished training"):
        training_seconds(tmp_path)
