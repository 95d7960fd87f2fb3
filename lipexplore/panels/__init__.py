"""The widgets: a state without widgets, controls made from the methods' fields, panels."""
