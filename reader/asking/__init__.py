"""Writing questions about passages, with their answers, to train readers and retrievers on."""
