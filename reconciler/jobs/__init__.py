"""When work runs: RQ's queues and workers, the schedule, and what each kind of ending means for the next try.

The database says what is owed; a job in a queue is a hint, so losing every queue loses nothing. A job's arguments are
slugs. Forbidden here: rules about bundles, releases or fleets, and anything but `entry` reading the type of an error.
"""
