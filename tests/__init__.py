"""The proof, by cost: policy and unit, integration, host, browser."""
