"""What happened in a workspace, counted by day."""
