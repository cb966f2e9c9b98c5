"""One file a group of commands; each exports `app`, which the command line takes in."""
