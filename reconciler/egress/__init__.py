"""The one way out: requests to addresses that somebody else wrote down, such as a gate's URL.

A name is resolved once, every address it has is judged, and the connection goes to one of those and to no other.
Forbidden here: following redirects, using a proxy of the environment, and sending anything to where a rule says no.
"""
