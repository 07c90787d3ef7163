"""The canonical workload: what gateways and top-up systems send, and what an answer must say.

Nothing here sends: an actor gives its next call and takes the reply, so the same traffic, with the
same checks, goes through locust and through the open-loop driver.
"""
