"""How files come into the library through the service: uploads, their links and the room that they take."""
