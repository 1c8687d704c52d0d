"""Self-checks of the package: python3 -m unittest discover -b training (in the folder above)."""
