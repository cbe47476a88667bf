"""`darkroom doctor`: what usually breaks a deployment, found before it, and whether it works, found after it."""
