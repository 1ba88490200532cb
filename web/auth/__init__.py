"""Who is asking, and what they may do: for pages, the JSON interface and everything that is served to people.

`authorise` is the one function that says yes; every route names its action with `needs`, and an application in which
one does not refuses to start. Forbidden here: looking up objects, and rules of what may ship.
"""
