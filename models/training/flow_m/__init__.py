"""flow-m: flow-s's field from three blocks, coarse to fine, for GPUs. Not trained yet."""
