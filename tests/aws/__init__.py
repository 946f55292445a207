"""Amazon's services on this machine: a loopback server that speaks Lambda's Invoke API, and the function behind it."""
