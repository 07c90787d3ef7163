"""The operator's page: static files, the figures as JSON, and a live stream of snapshots."""
