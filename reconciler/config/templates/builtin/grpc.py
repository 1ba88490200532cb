"""The built-in template `grpc`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "grpc" {
    description "gRPC methods. The upstream has to speak TLS: the proxy has HTTP/2 to targets with it alone."
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
        description "The package or service, such as '/shop.Orders'."
        default "/"
    }
    parameter "auth" {
        type "auth-policy"
        description "Who may use it; everybody when absent."
        required #false
    }
    parameter "timeout" {
        type "duration"
        description "How long a call may take."
        default "30s"
    }
    parameter "priority" {
        type "integer"
        description "Which of several matching services is taken: the highest."
        default 50
    }
    service {
        hosts "${param:hosts}"
        path-prefix "${param:path-prefix}"
        methods "POST"
        upstream "${param:upstream}"
        auth "${param:auth}"
        priority "${param:priority}"
        protocol "grpc"
        timeouts {
            response "${param:timeout}"
        }
    }
}
""",
    example="""\
service "stock" {
    template "grpc" {
        hosts "grpc.shop.example"
        path-prefix "/shop.Stock"
        upstream "stock"
    }
}
""",
)
