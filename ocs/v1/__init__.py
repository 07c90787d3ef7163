"""The wire contract, generated from protos/ocs/v1 by `make proto`; never edited."""
