"""Use cases over the ports: one module per proto service. Knows no transport and no store."""
