"""Training of OneGen models: examples with roles, losses, negatives, the loop. Nothing else in elinker depends on it."""
