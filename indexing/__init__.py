"""Everything on disk, and how it gets there."""
