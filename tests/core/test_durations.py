"""Times in words."""

import pytest

from workbench.core.durations import duration_text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1.0 h"), (200_000, "2.3 d")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words
