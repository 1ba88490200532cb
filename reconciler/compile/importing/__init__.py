"""A running proxy's configuration as a config repository: what the language can say becomes resources, the rest stays.

Translations are proposals. The repository is compiled, and what comes out is compared with the original part by part;
whatever is refused, or would do something else, goes back to the proxy's own language. So a translation can be wrong
without doing harm. Forbidden here: files, and the rules of the language, which the snapshot knows.
"""
