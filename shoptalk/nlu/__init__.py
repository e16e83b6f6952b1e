"""Understanding: text in, Rasa's parse result out."""
