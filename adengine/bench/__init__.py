"""`python -m adengine bench`: what our hot paths cost, as ratios to an ordinary app of the same libraries."""
