"""GPU capacity on EKS: cluster and the Kubernetes objects of each runtime."""
