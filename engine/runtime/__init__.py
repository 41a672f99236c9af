"""Inference back ends behind one small protocol (``model.py``): onnxruntime, CUDA, TensorRT."""
