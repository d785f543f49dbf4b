"""The gateway's calls as an OpenAPI 3.1 document, made of the same values that the code obeys."""
