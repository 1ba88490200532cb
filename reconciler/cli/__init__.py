"""`sentinelctl`: one file a verb, found through the table in `main`.

A command parses its arguments, calls what lies below and prints. Forbidden here: rules. Tracebacks never reach a
user: `main` turns every `ReconcilerError` into its sentence and an exit code.
"""
