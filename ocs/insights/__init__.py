"""The figures: the journal folded into DuckDB, and the questions that it answers.

The only package that knows DuckDB. One thread writes (fold.py), others read (figures.py and its
neighbours); everything goes through the ports Insights and Journal.
"""
