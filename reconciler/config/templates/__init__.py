"""Services made from templates: parameters and their placeholders, the built-in templates, and the expansion itself.

A service that names a template is expanded while it is read, so that everything behind the reader sees an ordinary
service. What a person wrote is kept beside it, and every token that an expansion makes remembers where it came from.
Forbidden here: text. Values are put into nodes, never into the text of a configuration, so that nothing that stands in
a value can open a node.
"""
