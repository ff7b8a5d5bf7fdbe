"""How each encoder that is compared is made from a checkpoint and loaded: one library a module."""
