"""What every network is trained, exported and described with."""
