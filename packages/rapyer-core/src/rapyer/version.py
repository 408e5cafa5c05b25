"""The version of rapyer-core."""

__version__ = "2.0.0"
