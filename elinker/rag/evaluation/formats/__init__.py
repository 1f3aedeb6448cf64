"""Formats of question files, a file each; which one a file is in and how it is read is in `reading`."""
