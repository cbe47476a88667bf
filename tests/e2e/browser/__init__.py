"""Tests of the console in a browser. A package, because the browser ends with its last test: while Playwright runs, no
other test of its process could run an event loop.
"""
