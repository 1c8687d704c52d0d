"""The fluoroscopy phantom: pictures whose truth is known, to learn from and to measure on."""
