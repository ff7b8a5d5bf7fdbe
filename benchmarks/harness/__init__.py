"""What prepares contenders, runs each in a process of its own, and says whether its vectors are right."""
