"""What is shipped and why a node may believe it: archive, manifest, SBOM, statement, pointer, root, verifier.

`verify` holds every rule of trust and touches nothing. All but `sbom` and `build` need PyNaCl and zstandard alone,
because nodes import them. Forbidden here: I/O, the clock, randomness, environment variables, logging; and, outside
`sbom` and `build`, the compiler and the config language.
"""
