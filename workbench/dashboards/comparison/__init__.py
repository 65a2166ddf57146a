"""The model comparison: numbers, curves, tests, cases side by side, cost and export."""
