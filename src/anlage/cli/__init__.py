"""The command line. The only room that parses arguments and prints."""
