"""The terminal: arguments in, text or JSON out. Charging goes through the client, like anyone's."""
