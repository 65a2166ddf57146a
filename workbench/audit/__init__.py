"""The shortcut audit: what a model reads that it should not, measured by edits and their controls."""
