.PHONY: setup
setup: .venv/.done
