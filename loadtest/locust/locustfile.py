"""What `locust -f` reads: the users, their options and the history of the run."""

from loadtest.locust import history, options
from loadtest.locust.users import GatewayUser, TopUpUser

__all__ = ["GatewayUser", "TopUpUser", "history", "options"]
