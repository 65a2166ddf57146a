"""How long a user waits for ``import workbench`` and for ``workbench --help``.

    python benchmarks/imports.py --rounds 9

Every sample is a fresh process with warm file caches; an empty Python process is measured in the same rounds, so that
the interpreter's own start can be taken off. The limits are the project's own: 0.3 s and 0.5 s.
"""

import argparse
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "an empty Python": [sys.executable, "-c", "pass"],
    "import workbench": [sys.executable, "-c", "import workbench"],
    "import workbench.core.manifest": [sys.executable, "-c", "import workbench.core.manifest"],
    "workbench --help": [str(Path(sys.executable).with_name("workbench")), "--help"],
}
HEAVY = ("torch", "lightning", "pandas", "matplotlib", "sklearn", "skimage")


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def heavy_imports(module: str) -> list[str]:
    """Return which of the heavy libraries an import brings along."""
    code = f"import {module}, sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    found: dict[str, list[float]] = {name: [] for name, command in COMMANDS.items() if Path(command[0]).exists()}
    for name in found:
        seconds(COMMANDS[name])
    generator = random.Random(0)
    for _ in range(rounds):
        for name in generator.sample(list(found), len(found)):
            found[name].append(seconds(COMMANDS[name]))
    print("| command | min s | median s | max s |\n|---|---:|---:|---:|")
    for name in COMMANDS:
        taken = found.get(name)
        figures = (
            [f"{pick(taken):.3f}" for pick in (min, statistics.median, max)] if taken else ["", "not installed", ""]
        )
        print(f"| {name} | {' | '.join(figures)} |")
    for module in ("workbench", "workbench.core.manifest"):
        print(f"import {module} brings along: {', '.join(heavy_imports(module)) or 'nothing heavy'}")


if __name__ == "__main__":
    main()
