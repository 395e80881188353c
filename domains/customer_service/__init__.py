"""The customer-service domain: readers of dialogues."""
