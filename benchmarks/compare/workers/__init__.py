"""The candidates that run in this project's environment."""
