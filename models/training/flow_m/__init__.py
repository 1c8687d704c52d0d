"""flow-m: flow-s with a second stage for GPUs."""
