"""What people correct in sealed hours, beside what was counted."""
