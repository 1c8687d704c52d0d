"""Small versions of six published systems."""
