import pytest

from workbench.core.errors import ManifestError, RunError
from workbench.training.history import EpochRecord
from workbench.training.progress import Progress, Throttled, error_line, parsed_line, progress_line

RECORD = EpochRecord(2, 1e-4, 0.5, 0.6, 0.7, 0.8, None, 1.5)


@pytest.mark.parametrize("told", [Progress("films", 3, 9), Progress("epochs", 2, 5, RECORD)])
def test_a_line_says_what_was_told(told: Progress) -> None:
    line = progress_line(told)
    assert "\n" not in line
    assert parsed_line(line) == told


def test_an_error_keeps_its_kind_and_words() -> None:
    told = parsed_line(error_line(ManifestError("none of 3 films could be read")))
    assert type(told) is ManifestError
    assert str(told) == "none of 3 films could be read"


@pytest.mark.parametrize("kind", ["ErrorOfALaterVersion", "dataclass", "Skipped"])
def test_an_error_of_unknown_kind_is_a_run_error(kind: str) -> None:
    told = parsed_line(f'{{"error": "{kind}", "message": "words"}}')
    assert type(told) is RunError
    assert str(told) == "words"


def test_throttling_lets_every_epoch_and_the_end_of_a_stage_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.training.progress.time.monotonic", lambda: 7.0)  # no time passes
    told: list[Progress] = []
    follow = Throttled(told.append)
    sent = [Progress("steps", done, 9) for done in range(1, 10)] + [Progress("epochs", 1, 2, RECORD)]
    for progress in sent:
        follow(progress)
    assert told == [sent[0], sent[8], sent[9]]
