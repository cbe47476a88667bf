"""What Lambda's event sources do on AWS: carry queue messages, table changes and the clock's ticks to functions."""
