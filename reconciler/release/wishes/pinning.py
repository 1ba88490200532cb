"""Wishes that keep some nodes on a bundle of their own, and let them go again."""

from __future__ import annotations

from reconciler.release.paths import pin_path, short
from reconciler.release.pins import Pin, render_pin
from reconciler.release.state import BranchFiles
from reconciler.release.wishes.wish import Already, Wish


def pin_wish(environment: str, files: BranchFiles, pin: Pin) -> Wish | Already:
    """Write a pin, unless it stands there just so."""
    if pin in files.pins:
        return Already(f"{environment} already has this pin '{pin.name}'")
    whom = pin.nodes or ", ".join(pin.ids)
    return Wish(
        edits={pin_path(pin.name): render_pin(pin)},
        subject=f"Pin {whom[:60]} in {environment} to {short(pin.digest)}",
        body=pin.reason,
        trailers=(("Pin", pin.name), ("Bundle", pin.digest), ("Nodes", whom), ("Actor", pin.owner)),
        next="The control plane judges it at its next look: the nodes are moved, or the environment's page "
        f"says why not. Remove it with: sentinelctl pin {environment} --remove --name {pin.name}",
    )


def unpin_wish(environment: str, files: BranchFiles, name: str, actor: str) -> Wish | Already:
    """Remove the pin of that name."""
    if all(pin.name != name for pin in files.pins):
        others = f"; it has {', '.join(pin.name for pin in files.pins)}" if files.pins else ""
        return Already(f"{environment} has no pin '{name}'{others}")
    return Wish(
        edits={pin_path(name): None},
        subject=f"Unpin {name} in {environment}",
        body="",
        trailers=(("Pin", name), ("Actor", actor)),
        next="Its nodes run what all others run from the control plane's next look on.",
    )
