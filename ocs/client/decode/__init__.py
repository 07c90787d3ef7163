"""Answers of the contract as Python values. Pure, and tolerant of what a newer service adds."""
