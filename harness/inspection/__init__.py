"""Inspection: the network of a trained run, unrolled over one input, and pictures of what is seen.

inspect.inspect(trained, "a warm film")     numbers and texts: see inspection.py
page.format_page(found)                     one HTML page, complete in itself
pictures.save(found, path)                  the same panels as one PNG
"""
