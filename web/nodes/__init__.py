"""The node API: what nodes register with, report to, poll and download from. A bare ASGI callable.

The poll path reads memory alone. One task refreshes that memory every second, another writes heartbeats in batches;
both use threads of their own, so that the event loop never waits for a disk or a server. Unlike the pages it may
listen on any address, and a node's credential opens nothing but what that node may see. Forbidden here: Flask, git,
compiling, deciding, holding a signing key, and any database call on the event loop.
"""
