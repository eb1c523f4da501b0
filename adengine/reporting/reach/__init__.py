"""How many readers flights have reached, and how often each."""
