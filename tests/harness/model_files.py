"""Small model files with a true header, as the command line and the downloaders check them."""

import json
import os
import struct


def safetensors_file(key: str = "lora_unet.lora_down.weight", size: int = 1000) -> bytes:
    """Return a `.safetensors` file with one tensor; the name of the tensor decides the kind of model."""
    header = json.dumps({key: {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + os.urandom(size)
