"""Floor 1: from predictions to metrics with intervals by patient. Loads no torch."""
