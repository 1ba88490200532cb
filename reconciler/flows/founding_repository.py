"""Makes the first commit of a config repository from a template: its secrets anew, sealed for the keys it gets.

The values that stand in a template are sealed for keys that nobody has. `.founding` in the template says what the
values of which secrets look like; it is not part of what is made. `{random}` stands for 32 random bytes in base64url.
Certificates of the template are made anew as well, issued by themselves: nobody has the keys of those that stand there.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date

from reconciler.bundle.sealed import Label
from reconciler.config.editing import rename_resource, set_child
from reconciler.config.kdl import KdlNode, KdlValue, ParsedFile, parse_file
from reconciler.config.source import LANGUAGE
from reconciler.errors import Stalled
from reconciler.keys.sealing import seal
from reconciler.keys.self_signed import self_signed

FORMS = ".founding"
RANDOM = "{random}"


def founded(
    template: Mapping[str, bytes], project: str, public_keys: Mapping[str, bytes], *, today: date
) -> dict[str, bytes]:
    """The files of a repository that begins with `template`, for the public keys of its environments.

    Every value that is sealed in the template is made anew, as its first version, and so is every certificate. Raises
    `Stalled`: E-INS-101 when the template is no KDL, E-INS-102 when an environment of it has no key.
    """
    files = {path: content for path, content in template.items() if path != FORMS}
    forms = _forms(template.get(FORMS, b""))
    parsed = [_parsed(path, content) for path, content in files.items() if path.endswith(LANGUAGE)]
    for node in (node for file in parsed for node in file.nodes if node.name == "certificate"):
        fields = {child.name: [str(value) for value in child.arguments] for child in node.children}
        if fields.keys() >= {"names", "chain", "key"}:
            files[fields["chain"][0]], key = self_signed(fields["names"], today)
            forms[fields["key"][0]] = key.decode()
    for path, content in files.items():
        if path.endswith(LANGUAGE):
            files[path] = _sealed(_parsed(path, content), forms, project, public_keys, today).encode()
    return files


def _sealed(
    file: ParsedFile, forms: Mapping[str, str], project: str, public_keys: Mapping[str, bytes], today: date
) -> str:
    text = file.text
    for node in file.nodes:
        name = str(node.arguments[0]) if node.arguments else ""
        if node.name == "project":
            text = rename_resource(text, "project", name, project)
        if node.name == "environment":
            key = KdlNode("sealing-key", (_key(public_keys, name).hex(),))
            text = set_child(text, node.name, name, key)
        for child in node.children if node.name == "secret" else ():
            if child.name == "sealed":
                environment = str(child.arguments[0])
                value = forms.get(name, RANDOM).replace(RANDOM, secrets.token_urlsafe(32)).encode()
                label = Label(project, environment, name, 1)
                sealed = seal(value, _key(public_keys, environment), label).text()
                properties: dict[str, KdlValue] = {"version": 1, "rotated": today.isoformat()}
                text = set_child(
                    text, "secret", name, KdlNode("sealed", (environment, sealed), properties), keyed=True
                )
    return text


def _forms(content: bytes) -> dict[str, str]:
    """Name → form of the secrets that are more than randomness."""
    return {str(node.arguments[0]): str(node.arguments[1]) for node in _parsed(FORMS, content).nodes}


def _parsed(path: str, content: bytes) -> ParsedFile:
    file, findings = parse_file(content, path)
    if file is None:
        raise Stalled(
            "E-INS-101",
            f"the template's {path} cannot be read: {findings[0].message}",
            cure="Install the distribution again, from a whole wheel",
        )
    return file


def _key(public_keys: Mapping[str, bytes], environment: str) -> bytes:
    try:
        return public_keys[environment]
    except KeyError:
        raise Stalled(
            "E-INS-102",
            f"the template has an environment '{environment}', for which there is no sealing key",
            cure="Make one for each environment of the template",
        ) from None
