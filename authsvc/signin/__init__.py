"""How one proves to be oneself: passwords, second factors, and the bounds on guessing."""
