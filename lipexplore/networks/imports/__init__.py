"""Networks from elsewhere: PyTorch modules and files, ONNX models."""
