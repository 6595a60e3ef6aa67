"""What looks wrong, anywhere: reads every stage's files and asks the broker, and changes nothing."""
