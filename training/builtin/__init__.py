"""The portraits of people who do not exist that ship with the engine."""
