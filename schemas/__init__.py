"""The shared language of the axis: what travels, in values. Imports pydantic only."""
