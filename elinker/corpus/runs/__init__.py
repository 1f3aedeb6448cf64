"""Resumable runs: a corpus in shards, a folder of parts with a journal. Readers, formats, linker are elsewhere."""
