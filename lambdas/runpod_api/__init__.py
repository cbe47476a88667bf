"""Answers clients that were written for RunPod serverless."""
