"""Small versions of published systems."""
