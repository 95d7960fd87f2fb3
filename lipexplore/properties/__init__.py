"""What bounds prove besides themselves."""
