"""The status pages: read-only truth on a screen, rendered on the server, live by server-sent events.

`reads` selects rows, the modules named after a thing (`matrix`, `ladder`, `attention` …) turn rows into what is shown,
purely, and the templates write it. Every query goes through organization and project. Forbidden here: writing to the
database, credentials and keys, requests to anybody else, inline script and style.
"""
