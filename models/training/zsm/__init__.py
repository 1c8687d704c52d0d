"""Zooming Slow-Mo: twice the rate and twice the size at once."""
