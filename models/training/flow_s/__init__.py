"""flow-s and fluoro-s: the network behind the CPU's interpolation, and the same tuned on X-ray
pictures.
"""
