"""What every test shares: shapes and types checked at run time, no GPU by accident, and the way to the real data."""

import os
import sys
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
os.environ["WORKBENCH_CACHE"] = "off"  # no test fills the project's own cache

import beartype
import pytest
from jaxtyping import install_import_hook

# an int is a float where one is declared, as type checkers see it (PEP 484)
beartype.beartype = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))
install_import_hook("workbench", "beartype.beartype")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Give each test the same random weights every time, whichever tests ran before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real radiographs and weights; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data of ../shared/data is not on this machine")
    return SHARED_DATA
