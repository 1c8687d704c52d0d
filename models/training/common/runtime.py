"""ONNX Runtime, as the product runs it on a CPU."""


def session(path, threads=None):
    """An inference session of an .onnx file."""
    import onnxruntime  # here: only .onnx files need it

    options = onnxruntime.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
