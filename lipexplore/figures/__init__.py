"""Figures: a table or a record in, a plotly figure out; nothing here runs or stores anything."""
