"""The settings of create_upload."""

from contract.settings import Settings


class CreateUploadSettings(Settings):
    """Where uploads go."""

    task_bucket: str
