"""Speech to lip motion: from corpora to ``engine/resources/speech.onnx``."""
