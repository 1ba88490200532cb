"""`sentinelctl log …`, one file a verb. They read the log where it lies; `verify` and `acknowledge` write alarms.

Forbidden here: signing, appending.
"""
