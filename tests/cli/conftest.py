"""The command line inside this process: arguments in, exit code and texts out."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from workbench.cli.commands import main
from workbench.imaging.pixels import write_png


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def refusal(self) -> str:
        """The one line on stderr of a command that was refused."""
        assert self.code not in (0, None), self.out
        (line,) = self.err.splitlines()
        assert line.startswith("workbench: ")
        return line.removeprefix("workbench: ")


@pytest.fixture
def workbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable:
    """Return a function that runs ``workbench ARGUMENTS`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return Done(stop.value.code or 0, said.out, said.err)

    return run


@pytest.fixture
def draw_film() -> Callable[[Path, float], None]:
    """Return a function that writes a small film of one brightness."""

    def draw(path: Path, brightness: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, np.full((40, 30), brightness, dtype=np.float32))

    return draw
