"""Builders: the arguments of a call into one Operation. Pure, shared by both clients.

Each function here is a method of Client and of AsyncClient, under its name and with its signature.
"""
