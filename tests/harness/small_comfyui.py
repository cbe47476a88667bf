"""ComfyUI of a few lines, which gives the answers of the test."""

import json
from http.server import ThreadingHTTPServer
from typing import Any

from tests.harness.serving import QuietHandler


class SmallComfyUi(ThreadingHTTPServer):
    """Has ended each prompt at once; answers 404 to a path without an answer, and cuts the connection for None."""

    daemon_threads = True

    def __init__(self) -> None:
        self.prompts: list[dict[str, Any]] = []
        self.answers: dict[str, object] = {
            "/system_stats": {},
            "/queue": {"queue_running": [], "queue_pending": []},
            "/prompt": {"node_errors": {}},
            "/history": {},
        }
        comfyui = self

        class RequestHandler(QuietHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/prompt":
                    comfyui.prompts.append(json.loads(body))
                    prompt_id = comfyui.prompts[-1]["prompt_id"]
                    comfyui.answers[f"/history/{prompt_id}"] = {prompt_id: {"status": {"status_str": "success"}}}
                answer = comfyui.answers.get(self.path, self)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(404 if answer is self else 200)
                self.end_headers()
                if answer is not self:
                    self.wfile.write(json.dumps(answer).encode())

            do_GET = do_POST = answer

        super().__init__(("127.0.0.1", 0), RequestHandler)
