"""Notebook workflow for maintainers: strip, execute, verify, and the text form; `python -m optcourse.authoring --help`.

    stripping    exercises/NN_slug.ipynb from solutions/NN_slug.ipynb
    execution    a clean environment, stored outputs, canonical metadata
    textform     py:percent through jupytext, there and back
    checks       what a committed notebook must hold to; each finding is one line
    course       which notebooks there are, from the catalogue
    coursemap    the map of the course, for the start page and the README

All but the last two need the extra `test` (nbformat, nbclient, jupytext).
"""
