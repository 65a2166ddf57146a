"""Dashboards for people who never see code: a notebook behind voila, on this machine, with a token."""
