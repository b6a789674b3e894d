"""Every loss in torch and in JAX against 110 digits: `python -m tests.crosscheck`."""
