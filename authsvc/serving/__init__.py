"""What gunicorn starts, and how a unit asks whether it answers."""
