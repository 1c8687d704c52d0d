"""Training, export and evaluation of framelift's networks (README.md).

Run from the folder above: python3 -m training.…
"""
