"""Resources of the kind `proxy`: parts in the proxy's own language, merged with what the compiler writes for the rest.

Here stands what such parts are, what is held against them, and what of them the proxy reads only when it starts.
Forbidden here: reading text. The parts were read with the resources, and are written by the one writer of KDL.
"""
