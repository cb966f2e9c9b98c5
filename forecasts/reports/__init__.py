"""Reports: a forecast, its decisions and its sources as one page, as Markdown and as a sentence.

Rendering is pure: text goes out, nothing is read but this package's own templates, and every date
comes from the forecast. A flow writes the files.
"""
