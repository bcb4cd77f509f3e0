"""The commands of `savetrace`, one module each; they need the extra `[cli]`."""
