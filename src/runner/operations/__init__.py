"""What an operator sees and does, as functions below the console, the API and the command."""
