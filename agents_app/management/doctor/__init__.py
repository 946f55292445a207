"""What `agents_doctor` looks at: one file per subject."""
