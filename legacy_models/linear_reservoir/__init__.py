"""The linear reservoir: the smallest complete legacy model, with an exact solution for tests to rest on."""
