"""What the modules share: options held, and the habits of `torch.nn`."""
