"""Modules of metrics of the confusion matrix, in files named as those of `costfn`."""
