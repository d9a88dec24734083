"""A run for others: a folder or a repository of the Hugging Face Hub, with a model card."""
