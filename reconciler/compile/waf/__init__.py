"""WAF policies as configuration of a WAF agent: the catalogue of rules, SecLang text, and the policy's rule file.

Forbidden here: knowing how the proxy reaches the agent (that is `reconciler.compile.agents`), and expressions of CRS
rules: they are the rule set's own, and the nodes have it installed.
"""
