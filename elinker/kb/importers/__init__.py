"""Importers: what other projects publish as knowledge bases, made into entity files for `elinker kb build`.

One module a kind of source; a module's reader turns one line into an entity. `conversion` runs a reader over a file.
docs/importing.md is the manual.
"""
