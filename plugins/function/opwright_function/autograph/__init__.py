"""Python's if, while, for, and, or, not over tensors become cond and while_loop: a function's source is rewritten."""
