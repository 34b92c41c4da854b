"""What must hold on the machines of a clan, whatever they run on."""
