"""Floor 0: the objects that everything else speaks of. Loads no torch."""
