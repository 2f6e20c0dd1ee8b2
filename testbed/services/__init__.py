"""The services inside the process of a test, on real stores, and what a test does with them."""
