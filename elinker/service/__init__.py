"""Annotation over HTTP: the application (`app`), the thread that links for all requests (`batching`), and the server.

It answers what `elinker annotate` and `elinker kb search` answer; how texts are linked is not decided here.
"""
