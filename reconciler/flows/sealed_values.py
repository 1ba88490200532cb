"""Puts what a commit has sealed into the object store, from where it is delivered. No value is opened on the way.

A version of a secret has one value for ever: a bundle that is rolled back to finds the one it was made with. A data key
may be wrapped for one environment key after another, each beside the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from reconciler.bundle.sealed import LONGEST, NONCE, TAG, parse_sealed
from reconciler.compile.sealed import SealedSecret
from reconciler.config.findings import Finding, Severity
from reconciler.flows.context import Context
from reconciler.store import layout
from reconciler.store.port import Taken

LIMIT = NONCE + LONGEST + TAG


def store_sealed(context: Context, sealed: Iterable[SealedSecret]) -> tuple[Finding, ...]:
    """Store every value and wrapped key that is not there. With any finding nothing was stored.

    E-SEC-004: a version has other bytes than it had. E-SEC-005: a new value has a version below one that is known.
    E-SEC-006: the commit calls the project otherwise than the server configuration.
    """
    listed = list(sealed)
    if not listed:
        return ()
    organization, project = context.organization.slug, context.project.slug
    known = _known(context)
    findings = _all_objections(context, listed, known)
    if findings:
        return findings
    for one in listed:
        parts = parse_sealed(one.text)
        name = (organization, project, one.environment, one.name, one.version)
        value, wrapped = layout.sealed_value(*name), layout.wrapped_key(*name, parts.key_id)
        try:
            if value not in known:
                context.store.put(value, parts.value)
        except Taken:
            # Another run stored a value for another commit in the same moment.
            return (_changed(one),)
        # Every wrapping of a data key is another one, and each does: the one that was there first stays.
        with suppress(Taken):
            if wrapped not in known:
                context.store.put(wrapped, parts.wrapped)
    return ()


def check_sealed(context: Context, sealed: Iterable[SealedSecret]) -> tuple[Finding, ...]:
    """The findings of `store_sealed`, with nothing stored: for what is no commit of trunk yet."""
    listed = list(sealed)
    return _all_objections(context, listed, _known(context)) if listed else ()


def _known(context: Context) -> frozenset[str]:
    return frozenset(context.store.list(layout.secrets(context.organization.slug, context.project.slug)))


def _all_objections(
    context: Context, listed: Iterable[SealedSecret], known: frozenset[str]
) -> tuple[Finding, ...]:
    newest = _newest(known, layout.secrets(context.organization.slug, context.project.slug))
    return tuple(f for one in listed for f in _objections(context, one, known, newest))


def _objections(
    context: Context, one: SealedSecret, known: frozenset[str], newest: Mapping[tuple[str, str], int]
) -> Iterable[Finding]:
    if one.project != context.project.slug:
        yield Finding(
            "E-SEC-006",
            Severity.error,
            one.place,
            f"the secret '{one.name}' is sealed for the project '{one.project}', and this is '{context.project.slug}'",
            f'project "{context.project.slug}"',
            "give the project its name of the server configuration, and seal the values again",
        )
        return
    key = layout.sealed_value(
        context.organization.slug, context.project.slug, one.environment, one.name, one.version
    )
    if key in known:
        if context.store.get(key, limit=LIMIT) != parse_sealed(one.text).value:
            yield _changed(one)
    elif (last := newest.get((one.environment, one.name), 0)) > one.version:
        yield Finding(
            "E-SEC-005",
            Severity.error,
            one.place,
            f"the secret '{one.name}' has a new value for {one.environment} as version {one.version}, "
            f"and version {last} is known",
            f"version={last + 1} or higher",
            f"run: sentinelctl secret set {one.name} --environment {one.environment} --version {last + 1}",
        )


def _newest(known: Iterable[str], prefix: str) -> dict[tuple[str, str], int]:
    """The highest version that is stored, by environment and name."""
    found: dict[tuple[str, str], int] = {}
    for key in known:
        environment, name, version, *_ = key.removeprefix(prefix).split("/")
        found[(environment, name)] = max(int(version), found.get((environment, name), 0))
    return found


def _changed(one: SealedSecret) -> Finding:
    return Finding(
        "E-SEC-004",
        Severity.error,
        one.place,
        f"the secret '{one.name}' has another value for {one.environment} under version {one.version}",
        "a higher version for every new value",
        f"run: sentinelctl secret set {one.name} --environment {one.environment}",
    )
