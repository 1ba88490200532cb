"""The built-in template `rest-api`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "rest-api" {
    description "An HTTP API: a limit of requests, guards, and answers whose type no browser guesses."
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
        default "/"
    }
    parameter "methods" {
        type "method"
        description "The methods that it answers; all when absent. Each becomes a route, and a limit counts each route."
        required #false
        list #true
    }
    parameter "auth" {
        type "auth-policy"
        description "Who may use it; everybody when absent."
        required #false
    }
    parameter "waf" {
        type "waf-policy"
        description "Which attacks its requests are searched for; none when absent."
        required #false
    }
    parameter "requests-per-second" {
        type "integer"
        description "How many requests pass in each second; any number when absent."
        required #false
    }
    parameter "timeout" {
        type "duration"
        description "How long an answer may take."
        default "15s"
    }
    parameter "priority" {
        type "integer"
        description "Which of several matching services is taken: the highest."
        default 50
    }
    service {
        hosts "${param:hosts}"
        path-prefix "${param:path-prefix}"
        methods "${param:methods}"
        upstream "${param:upstream}"
        auth "${param:auth}"
        waf "${param:waf}"
        priority "${param:priority}"
        timeouts {
            response "${param:timeout}"
        }
        rate-limit {
            requests-per-second "${param:requests-per-second}"
        }
        response-headers {
            set "X-Content-Type-Options" "nosniff"
            remove "Server" "X-Powered-By"
        }
    }
}
""",
    example="""\
service "orders" {
    template "rest-api" {
        hosts "api.shop.example"
        path-prefix "/orders"
        upstream "orders"
        requests-per-second 200
    }
    attempts 2
}
""",
)
