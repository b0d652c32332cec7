"""Readers of the kinds of files that corpora come in, one family a file."""
