"""Dead letters: the rules about deliveries that failed, and what operators may do with them."""
