"""The built-in template `sse`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "sse" {
    description "Server-sent events: answers that go on, and that nobody keeps or compresses."
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
        default "/events"
    }
    parameter "auth" {
        type "auth-policy"
        description "Who may use it; everybody when absent."
        required #false
    }
    parameter "timeout" {
        type "duration"
        description "How long the proxy waits for the next event."
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
        protocol "streaming"
        timeouts {
            response "${param:timeout}"
        }
        response-headers {
            set "Cache-Control" "no-store"
        }
    }
}
""",
    example="""\
service "stock-events" {
    template "sse" {
        hosts "shop.example"
        upstream "orders"
    }
}
""",
)
