"""What the tests of executors do in their processes."""

import os
import time
from pathlib import Path


def add(left: int, right: int) -> int:
    return left + right


def facts(names: list[str]) -> dict[str, str | None]:
    return {"folder": str(Path.cwd()), **{name: os.environ.get(name) for name in names}}


def fail(words: str) -> None:
    raise ValueError(words)


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def leave(code: int) -> None:
    os.write(2, b"first words\nlast words\n")
    os._exit(code)


def chatter(lines: int) -> str:
    print("noise\n" * lines)
    return "x" * 200_000


def wait(mark: str, seconds: float = 600.0) -> str:
    """Note begin and end in a file; the stop in the middle as well."""
    path = Path(mark)
    with path.open("a") as file:
        file.write(f"begun {os.getpid()}\n")
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        with path.open("a") as file:
            file.write("stopped\n")
        raise
    with path.open("a") as file:
        file.write("ended\n")
    return "ended"


def watch_crowd(folder: str, mark: str) -> int:
    """Return how many of us are at work at once, ourselves included."""
    mine = Path(folder, mark)
    mine.touch()
    time.sleep(0.5)
    count = len(list(Path(folder).iterdir()))
    time.sleep(0.5)
    mine.unlink()
    return count
