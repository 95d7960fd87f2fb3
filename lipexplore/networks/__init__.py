"""Networks, activations, files and what travels with the package."""
