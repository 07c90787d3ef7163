"""`make demo`: the service under the traffic of a small MVNO, shown live, audited at the end.

`conductor` runs the show. It starts the service, two gateways and, at the end, the audit, each in
a process of its own, and talks to them in lines of JSON over pipes; the gateways talk to the
service over gRPC, as any gateway would.
"""
