"""The sampled log of decisions, and their replay: from what a page was decided by to the same bytes again."""
