"""`darkroom doctor`: checks before a deployment that prevent its usual failures, and checks after it."""
