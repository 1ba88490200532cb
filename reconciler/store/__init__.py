"""The object store: bundles by digest, statements, roots, pointers. A filesystem or S3 behind one port.

Content that has a digest is put once and never changed; only pointers and node records are replaced. Forbidden here:
knowing what an object means, keys, the database, git.
"""
