"""What an environment on EKS consists of: the cluster, and what is applied to it."""
