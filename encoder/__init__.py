"""BERT-type encoders on the CPU and the GPU, shared by passage vectors and the reader."""
