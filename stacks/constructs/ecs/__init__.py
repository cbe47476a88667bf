"""GPU capacity on ECS: cluster, nodes, services and their scaling."""
