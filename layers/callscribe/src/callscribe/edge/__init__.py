"""What the handlers share: signed webhooks in, queue batches in, logs out."""
