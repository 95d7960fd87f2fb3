"""Many bounds in one table."""
