"""Modules of one loss per example, in files named as those of `costfn`."""
