"""The tariff book as a file: YAML in, a tariff out, every fault by line and column."""
