"""What the numbered stages share: one module per subject of the field."""
