"""What the suites share: template.yaml as data, handlers called as Lambda calls them, a stack on moto."""
