"""What the reliability scripts share: a traced process, a world to run it in, and the oracle."""
