"""Dull loops that obey the core."""
