"""What merging a change would do to every environment, before it is merged: compared, weighed, and said to people.

Pure: what is known of environments and their nodes is an argument, and so is `now`. Forbidden here: what `pure` of
`.importlinter` forbids, and knowing how any forge is talked to.
"""
