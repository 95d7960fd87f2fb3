"""Bounds computed in a child process that can be watched and stopped."""
