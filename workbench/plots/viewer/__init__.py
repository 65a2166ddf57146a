"""The radiograph viewer: one ES module, what it shows as bytes, and the same picture for readers without scripts."""
