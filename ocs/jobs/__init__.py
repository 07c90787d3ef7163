"""Work that nobody calls for: bounded, resumable, one lease per partition."""
