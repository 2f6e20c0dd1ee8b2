"""Accounts: who there is, how one comes to be there, and what is known of a person."""
