"""What TensorFlow 1 has and Opwright calls or does otherwise: each module has its names in a dict called API."""
