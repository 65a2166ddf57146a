"""GPUs lent to tasks: each to one at a time."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workbench.runs.resources import VISIBLE


class GpuPool:
    """The GPUs of one process.

    Parameters
    ----------
    names
        As CUDA_VISIBLE_DEVICES wants them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._free = list(names)
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._names)

    @contextmanager
    def lent(self, wanted: int) -> Iterator[dict[str, str]]:
        """Lend GPUs, after waiting for them, and take them back.

        Parameters
        ----------
        wanted
            How many; no more than there are will be lent.

        Yields
        ------
        dict[str, str]
            The environment that shows a process these GPUs and no other; empty on a machine without any.
        """
        count = min(wanted, len(self))
        with self._changed:
            self._changed.wait_for(lambda: len(self._free) >= count)
            mine, self._free = self._free[:count], self._free[count:]
        try:
            yield {VISIBLE: ",".join(mine)} if self._names else {}
        finally:
            with self._changed:
                self._free = [name for name in self._names if name in (*mine, *self._free)]
                self._changed.notify_all()
