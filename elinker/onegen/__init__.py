"""The model that writes and retrieves in the same pass: settings, tokens with offsets, grammar, decoding."""
