"""Errors for people: one sentence each, with the file, the line where known, and the fix."""

from __future__ import annotations


class QAError(Exception):
    """Something that could not be done; the command ends with exit code 1."""


class InputError(QAError):
    """Bad usage or bad input; the command ends with exit code 2."""
