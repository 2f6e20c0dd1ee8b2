"""Sessions, their tokens and their end: who is asking."""
