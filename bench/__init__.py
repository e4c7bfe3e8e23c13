"""How fast, in ratios: everything measured in one run on one machine."""
