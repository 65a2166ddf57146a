"""One holder at a time, also among threads; a dead holder holds nothing."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workbench.core.errors import RunError
from workbench.runs.locks import file_lock

HOLD = """
import sys, time
from pathlib import Path
from workbench.runs.locks import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with file_lock(path), pytest.raises(RunError, match="another process is at work"), file_lock(path):
        pass
    with file_lock(tmp_path / "a.lock"):
        pass


def test_waiting_holder_comes_after_the_first(tmp_path: Path) -> None:
    seen = []

    def wait() -> None:
        with file_lock(tmp_path / "a.lock", waits=True):
            seen.append("second")

    second = threading.Thread(target=wait)
    with file_lock(tmp_path / "a.lock"):
        second.start()
        second.join(0.3)
        seen.append("first")
    second.join(10)
    assert seen == ["first", "second"]


def test_killed_holder_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "a.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=rf"\(process {process.pid} on "), file_lock(tmp_path / "a.lock"):
            pass
        process.kill()
    with file_lock(tmp_path / "a.lock"):
        pass


def test_holder_who_has_not_signed_yet_is_not_named(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with file_lock(path):
        path.write_text("")
        with pytest.raises(RunError, match=r"at work on it$"), file_lock(path):
            pass
        path.write_bytes(b"\xff two\nlines")
        with pytest.raises(RunError, match=r"at work on it \(\ufffd two lines\)$"), file_lock(path):
            pass


def test_folder_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be locked"), file_lock(tmp_path / "none" / "a.lock"):
        pass
