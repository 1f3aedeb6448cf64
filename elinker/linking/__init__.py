"""From a text to linked mentions: windows, candidates, decision, and the `Linker` that joins them."""
