"""The built-in template `websocket`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "websocket" {
    description "Connections that stay open in both directions."
    parameter "hosts" {
        type "host"
        description "The names that it answers for."
        list #true
    }
    parameter "upstream" {
        type "upstream"
        description "Where its requests go."
    }
    parameter "path-prefix" {
        type "path"
        description "Where its paths begin."
        default "/ws"
    }
    parameter "auth" {
        type "auth-policy"
        description "Who may use it; everybody when absent."
        required #false
    }
    parameter "timeout" {
        type "duration"
        description "How long the proxy waits for the first answer, and then for each message."
        default "1h"
    }
    parameter "priority" {
        type "integer"
        description "Which of several matching services is taken: the highest."
        default 50
    }
    service {
        hosts "${param:hosts}"
        path-prefix "${param:path-prefix}"
        methods "GET"
        upstream "${param:upstream}"
        auth "${param:auth}"
        priority "${param:priority}"
        websocket #true
        timeouts {
            response "${param:timeout}"
        }
    }
}
""",
    example="""\
service "prices" {
    template "websocket" {
        hosts "shop.example"
        path-prefix "/prices"
        upstream "orders"
    }
}
""",
)
