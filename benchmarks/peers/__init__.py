"""SpanQA beside other systems, in one run; see README.md."""
