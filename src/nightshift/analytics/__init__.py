"""Daily figures of a workspace."""
