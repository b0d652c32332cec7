"""SpanBERT pretraining: span masking, the span boundary objective, recurring span selection."""
