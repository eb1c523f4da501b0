"""Whose beacons do not count: robots, machines, our own people, floods. What is filtered is counted as invalid."""
