"""Load and speed measurements; nothing here is part of the product."""
