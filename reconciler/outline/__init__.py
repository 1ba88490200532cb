"""What is told of a configuration to people who look at it: what leads where, WAF policies, ages of secrets.

It is made where the configuration is compiled, kept as JSON beside the bundle, and read by the pages. Data, and where
the vertices of a drawing stand. Forbidden here: clock, randomness, environment, files, network, logging, the language
itself, and any value of a secret, sealed or not.
"""
