"""Training of OneGen models: examples with roles, losses, negatives, the loop. Nothing else depends on it."""
