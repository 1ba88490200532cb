"""The built-in template `static-site`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "static-site" {
    description "Files of the node, with a page for paths that are not there."
    parameter "hosts" {
        type "host"
        description "The names that it answers for."
        list #true
    }
    parameter "root" {
        type "folder"
        description "The folder on the node."
    }
    parameter "path-prefix" {
        type "path"
        description "Where its paths begin."
        default "/"
    }
    parameter "index" {
        type "file-name"
        description "The file of a folder."
        default "index.html"
    }
    parameter "fallback" {
        type "file-name"
        description "The file for paths that are not there; 404 when absent."
        required #false
    }
    parameter "cache-control" {
        type "header-value"
        description "How long browsers keep files."
        default "public, max-age=3600"
    }
    parameter "priority" {
        type "integer"
        description "Which of several matching services is taken: the highest."
        default 50
    }
    service {
        hosts "${param:hosts}"
        path-prefix "${param:path-prefix}"
        methods "GET" "HEAD"
        priority "${param:priority}"
        static {
            root "${param:root}"
            index "${param:index}"
            fallback "${param:fallback}"
            cache-control "${param:cache-control}"
        }
        response-headers {
            set "X-Content-Type-Options" "nosniff"
        }
    }
}
""",
    example="""\
service "docs" {
    template "static-site" {
        hosts "docs.shop.example"
        root "/srv/www/docs"
        fallback "404.html"
    }
}
""",
)
