"""Forward and backward passes that record what attributions need and leave the network as they found it."""
