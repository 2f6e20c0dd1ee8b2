"""Real servers, viewers and waiting: what the tests, the bench and `make dev` share."""
