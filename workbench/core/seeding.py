"""Seeds derived from names, so that nothing random depends on batch position, worker or order."""

import hashlib

import numpy as np


def derived_seed(*parts: object) -> int:
    """Return a seed that depends on the text of every part, on any machine alike.

    Parameters
    ----------
    *parts
        For example ``(seed, epoch, case_id)``; their order counts.

    Returns
    -------
    int
        In [0, 2**63), so that every library takes it.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def derived_generator(*parts: object) -> np.random.Generator:
    """Return a NumPy generator seeded by :func:`derived_seed` of the parts."""
    return np.random.default_rng(derived_seed(*parts))
