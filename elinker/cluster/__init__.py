"""Work on several processes or machines with Ray: a connection, an ordered stream of work, and what streams through it.

Shards of a corpus (`engine`) and entities of a base (`encoder`). Nothing outside of this package imports ray.
"""
