"""What every test shares: shapes checked at run time, one thread, and the way to the real data."""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "")

import pytest
from jaxtyping import install_import_hook

install_import_hook("workbench", "beartype.beartype")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real radiographs and weights; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data of ../shared/data is not on this machine")
    return SHARED_DATA
