"""The pages on stores, trainings and photos: `catdog studio`."""
