"""Readers of the packages that the embedded connectomes were taken from."""
