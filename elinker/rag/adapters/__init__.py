"""Rag as parts of other frameworks, a file each, with an extra each. Nothing here is imported by elinker itself."""
