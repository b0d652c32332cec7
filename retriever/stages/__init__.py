"""What may follow retrieval, each stage a retriever around another."""
