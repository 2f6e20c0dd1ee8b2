"""People in a real browser: what they do on a page, and who they are."""
