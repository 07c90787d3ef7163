"""Locust's side: users, the interceptor that reports to it, and what a run leaves behind.

Importing locust patches the standard library for gevent, so only a process of locust imports this.
"""
