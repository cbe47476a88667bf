"""GPU capacity on ECS: the cluster, and in it each runtime with its nodes, its services and their scaling."""
