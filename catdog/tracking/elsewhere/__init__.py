"""Runs in the programs that others keep their experiments with: MLflow, Weights & Biases, Aim."""
