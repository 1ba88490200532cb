"""`sentinelctl keys`: the roots of an organization, one verb a file. `group` is the table of verbs.

A root is a file that travels: one person proposes it, others sign it on their own machines, somebody publishes it.
Forbidden here: rules about roots (`reconciler.bundle.succession`), and asking for a private key that is not at hand.
"""
