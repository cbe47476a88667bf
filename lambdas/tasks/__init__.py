"""Tasks as the functions share them: submission, publishing, retry, waiting and cancellation."""
