"""Pages for developers, in development only: captured mail, and RQ's dashboard."""
