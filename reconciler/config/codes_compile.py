"""Codes of the compilation. Part of the table in `codes.py`."""

from __future__ import annotations

from reconciler.config.code import Code

COMPILE_CODES: tuple[Code, ...] = (
    Code(
        "E-CMP-001",
        "No listener",
        "An environment has no listener, so its proxies would not start.",
        "Add a listener, or widen the 'only' of one.",
    ),
    Code(
        "E-CMP-002",
        "Nothing to serve",
        "An environment has no service, so its proxies would answer 404 to everything.",
        "Add a service, or widen the 'only' of one.",
    ),
    Code(
        "E-CMP-003",
        "Address in use",
        "Two listeners, or a listener and the control plane's own addresses, would share an address and a port.",
        "Choose another port, or another admin-port for the environment.",
    ),
    Code(
        "E-CMP-004",
        "Too many routes",
        "The proxy needs a route for each path and method of a service; one service may become 200 routes.",
        "Use a path-prefix or a path-regex, or leave the methods out.",
    ),
    Code(
        "E-CMP-005",
        "Services that match the same requests",
        "Two services have a host, a path and a method in common at the same priority: which one the proxy takes would "
        "be an accident.",
        "Give the one that should win a higher priority.",
    ),
    Code(
        "E-CMP-006",
        "Feature that the proxy does not have",
        "The proxy of an environment cannot do this, neither by itself nor with an agent that the compiler knows.",
        "The hint says what to do instead; docs/language/support.md lists every feature.",
    ),
    Code(
        "E-CMP-090",
        "Configuration that cannot be compared",
        "A compiled configuration cannot be read, so what differs in it cannot be said.",
        "Build it anew with sentinelctl build.",
    ),
    Code(
        "E-CMP-007",
        "Changes for another type of middleware",
        "A service changes fields of a middleware in a block of another type than the middleware has.",
        "Write the changes in a block of the middleware's type.",
    ),
    Code(
        "E-CMP-008",
        "Two of a kind in one service",
        "A service has two rate limits, caches, redirects or the like, its own or by middlewares: the proxy honours "
        "one of them.",
        "Remove one of the two.",
    ),
    Code(
        "E-CMP-009",
        "Kept answers that hosts would share",
        "Two services with different hosts keep answers of the same paths, and the proxy's cache knows paths and no "
        "hosts: visitors of one host would get answers of the other.",
        "Give one of the two no cache, or both paths of their own.",
    ),
    Code(
        "E-CMP-010",
        "Middleware that does not fit",
        "What a middleware or a redirect does is not possible for this service: replacing a prefix where none matched, "
        "or keeping or compressing a stream.",
        "Change the service's paths or protocol, or leave the middleware out.",
    ),
    Code(
        "E-CMP-011",
        "gRPC without TLS",
        "The proxy speaks HTTP/2 to targets only over TLS, and gRPC needs HTTP/2.",
        "Add tls to the upstream, and serve TLS there.",
    ),
    Code(
        "E-CMP-012",
        "Split between upstreams with different TLS",
        "A split becomes one upstream of the proxy, which speaks to all targets with TLS or to none, and with one set "
        "of settings.",
        "Make the tls blocks equal, or split in front of the proxy.",
    ),
    Code(
        "W-CMP-001",
        "Feature without effect",
        "The proxy of an environment accepts this and does not do it.",
        "The hint says what has the effect; docs/language/support.md lists every feature.",
    ),
    Code(
        "W-CMP-002",
        "Feature that loses something",
        "The feature works, and something of it does not survive the translation to the proxy. It is an information.",
        "Nothing has to be done; docs/language/support.md lists what is lost.",
    ),
    Code(
        "E-CMP-020",
        "No such WAF rule",
        "A WAF policy names a rule by an id that no rule of the OWASP CRS for requests can have.",
        "Take an id of docs/language/waf-rules.md, or of CRS itself.",
    ),
    Code(
        "W-CMP-020",
        "WAF rule outside the catalogue",
        "A WAF policy names a CRS rule that the catalogue does not have. Whether the CRS on the nodes has it is not "
        "known here. It is an information.",
        "Compare the id with the CRS that is installed on the nodes.",
    ),
    Code(
        "W-CMP-021",
        "WAF rule changed to what it is",
        "A WAF policy turns a rule on whose category is on, or off whose category is off.",
        "Remove the line.",
    ),
    Code(
        "W-CMP-022",
        "Answers kept behind authentication",
        "A service with authentication keeps answers. The cache's key is the path and query alone, so what was "
        "answered to one user is given to others who may use the service.",
        "Leave the cache out, unless the answers are the same for everybody who may use the service.",
    ),
)
