"""The gRPC side: takes messages apart, calls use cases, answers. Decides nothing about money."""
