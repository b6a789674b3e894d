"""Losses with their right diagnosis: what the doctor is measured on."""
