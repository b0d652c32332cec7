"""Contrastive training of the dense encoder."""
