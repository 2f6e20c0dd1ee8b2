"""What can be watched, and what a viewer keeps of it: titles, search, playlists, history, ratings."""
