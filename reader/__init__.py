"""From a question and passages to scored answer spans."""
