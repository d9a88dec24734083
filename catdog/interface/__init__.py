"""What a Python program calls: trainings, runs, nets and stores as plain objects."""
