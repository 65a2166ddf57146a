"""Films as arrays: reading, preprocessing recipes with their geometry, regions, boxes and edits."""
