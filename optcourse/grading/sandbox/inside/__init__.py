"""What runs inside the sandbox.  Nothing here may import a check: what a process holds, its code can read."""

NAMESPACES, PLAIN = "namespaces", "plain"  # whether a child enters namespaces of its own
