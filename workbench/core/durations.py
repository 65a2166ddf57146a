"""Times in words, as precise as a reader wants them."""


def duration_text(seconds: float) -> str:
    """Return a time in words: ``42 s``, ``7 min``, ``3.5 h``, ``2.1 d``."""
    for unit, size in (("d", 86_400), ("h", 3600)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
