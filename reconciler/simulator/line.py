"""The line of one simulated node to its control plane, which can be cut, and which is counted."""

from __future__ import annotations

import time
from dataclasses import dataclass

from reconciler.node.effects import Answer, Failed, HttpReply, HttpRequest
from reconciler.node.http import ControlPlane
from reconciler.node.protocol import PARKS
from reconciler.simulator.counting import Meter

POLL = "/bundles/latest"


@dataclass(slots=True)
class Line(ControlPlane):
    """Asks over the connections that all nodes share. `cut`: nothing gets through; what is tried meanwhile counts as no
    request, for the control plane never sees it."""

    plane: ControlPlane
    meter: Meter
    cut: bool = False

    def ask(self, request: HttpRequest) -> Answer:
        """Send the request, unless the line is cut."""
        if self.cut:
            return Failed("partitioned: the scenario cut this node off")
        began = time.monotonic()
        answer = self.plane.ask(request)
        if isinstance(answer, HttpReply):
            # For how long a poll was parked says nothing about the speed of answers.
            took = None if PARKS in request.headers else time.monotonic() - began
            self.meter.answered(answer.status, took)
            if answer.status == 200 and request.path.endswith(POLL):
                self.meter.offered(answer.headers.get("etag", "")[:200])
        elif isinstance(answer, Failed):
            self.meter.failed(answer.words)
        return answer

    def close(self) -> None:
        """Close the shared connections."""
        self.plane.close()
