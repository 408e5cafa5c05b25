"""What rapyer costs beside redis-py and pydantic doing the same work by hand, as ratios."""
