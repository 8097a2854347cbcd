"""Pictures that follow sliders, one module for each notebook that has one; `base` says how they are drawn."""
