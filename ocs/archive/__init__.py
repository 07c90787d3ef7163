"""The journal on disk: Parquet segments that hold what the store need no longer keep."""
