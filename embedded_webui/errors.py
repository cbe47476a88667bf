"""Errors of the real Web UI. Its answers show the name and the message of an exception."""


class NansException(Exception):
    """Raised when a model makes tensors with values that are no numbers."""


def require_memory(needed_bytes: int, *, available_bytes: int) -> None:
    """Raise torch's error for more memory than there is."""
    if needed_bytes > available_bytes:
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
            f"you tried to allocate {needed_bytes} bytes. Error code 12 (Cannot allocate memory)"
        )
