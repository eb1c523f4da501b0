"""Reports by name: kept, sent on a schedule, shared by links that expire."""
