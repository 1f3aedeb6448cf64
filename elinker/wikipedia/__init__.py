"""Wikipedia dumps as labelled passages and entities: links of the running text are the mentions.

The dump is streamed twice, first for titles and redirects, then for texts. Building a base from the entities is
`elinker kb build`.
"""
