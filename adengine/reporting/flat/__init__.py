"""What flights that are sold for a flat price have cost by any moment."""
