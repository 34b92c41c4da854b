"""What signs zones and sends them to the mesh, from a push machine or a checkout."""
