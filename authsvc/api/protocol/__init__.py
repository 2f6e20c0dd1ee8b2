"""What every call shares: identity, limits, problems, conditions, repeats and the document of the interface."""
