"""What the cluster knows of itself: one store, one image."""
