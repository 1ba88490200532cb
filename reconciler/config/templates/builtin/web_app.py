"""The built-in template `web-app`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "web-app" {
    description "Pages that a server makes: safe headers for browsers, and patience with slow pages."
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
    parameter "timeout" {
        type "duration"
        description "How long an answer may take."
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
        upstream "${param:upstream}"
        auth "${param:auth}"
        waf "${param:waf}"
        priority "${param:priority}"
        timeouts {
            response "${param:timeout}"
        }
        response-headers {
            set "Strict-Transport-Security" "max-age=31536000; includeSubDomains"
            set "X-Content-Type-Options" "nosniff"
            set "X-Frame-Options" "SAMEORIGIN"
            set "Referrer-Policy" "strict-origin-when-cross-origin"
            remove "Server" "X-Powered-By"
        }
    }
}
""",
    example="""\
service "shop" {
    template "web-app" {
        hosts "shop.example" "www.shop.example"
        upstream "orders"
    }
}
""",
)
