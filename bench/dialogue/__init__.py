"""What policies cost, and how well they generalise beside Rasa's."""
