"""Knowledge graphs: triples grouped by entity and told in sentences that a reader can read."""
