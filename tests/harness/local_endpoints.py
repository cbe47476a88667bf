"""`endpoints.json` of a local system that does not run, for tests of its readers."""

import json
from pathlib import Path


def write_local_endpoints(directory: Path, **changed: object) -> None:
    """Write the file with these values changed."""
    endpoints = {
        "http_url": "http://127.0.0.1:1",
        "api_key": "key",
        "api_key_secret_arns": {"default": "arn:secret:default"},
        "entry_topic_arn": "arn:aws:sns:us-east-1:123456789012:entry",
        "completion_topic_arn": "arn:aws:sns:us-east-1:123456789012:completion",
        "output_bucket": "outputs",
        "model_bucket": "models",
        "region": "us-east-1",
        "aws_endpoint_url": "http://127.0.0.1:1",
    }
    (directory / "endpoints.json").write_text(json.dumps(endpoints | changed))
