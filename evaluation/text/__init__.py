"""What is measured of generated text."""
