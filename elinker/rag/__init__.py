"""Question answering over passages: a OneGen model retrieves in the middle of what it writes."""
